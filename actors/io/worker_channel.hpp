#pragma once

#include "actors/core/worker_protocol.hpp"
#include "actors/io/process.hpp"

#include <functional>
#include <memory>
#include <string>

namespace snakepit::io {

/// What arrives from one worker over its channel; all are set. Called from threads of the channel's
/// own, also from within its members; nothing is called after `~worker_channel` has returned. They
/// must not block and not destroy the channel.
struct channel_events {
  /// The end of `greet`.
  std::function<void(result<core::hello_reply>)> on_greeted;
  /// Finals of calls. Per lane in order, never two at once. Their numbers ascend and were sent, but
  /// one number may come twice in two messages.
  std::function<void(core::results)> on_results;
  /// A stream or the channel has ended, once per lane, after its last results. `why` is for people.
  std::function<void(uint32_t lane, std::string why)> on_lane_closed;
  /// The worker has answered the heartbeat `nonce`, the last one that was sent; once.
  std::function<void(uint64_t nonce, std::chrono::nanoseconds round_trip)> on_heartbeat;
};

/// The way to one worker: one connection for life, never re-dialled. Any thread.
class worker_channel {
public:
  /// Cancels what is under way, waits for events that are being called and for gRPC to let go:
  /// about a millisecond, whatever the worker does.
  virtual ~worker_channel() = default;

  /// Connects, checks the peer's credentials against `peer_pid`, unlinks the path, says Hello.
  /// Once. Ends in `on_greeted`, unless the worker never answers: there is no timeout here. Errors:
  /// worker_start_failed if nobody listens or the worker ends, protocol_error if it is another
  /// process or its answer is malformed, invalid_name, duplicate_tool, or what the worker says.
  virtual void greet(const std::string& socket_path, int64_t peer_pid, core::hello hello) = 0;

  /// Opens all Work streams and the Control stream. Once, after `on_greeted` without an error.
  virtual void open(uint32_t lanes) = 0;

  /// Queues a batch for its lane; encoded before this returns, sent when the lane's writer is free.
  /// Dropped without a word when the lane has ended. Numbers rise within a lane, 1 to 1024 calls.
  virtual void send(const core::batch& x) = 0;

  /// Asks the worker whether it is there; a thread of its own answers. Nothing before `open`.
  virtual void heartbeat(uint64_t nonce) = 0;

  /// Asks the worker to finish what runs, clean up and exit. Nothing before `open`.
  virtual void shutdown(std::chrono::milliseconds grace) = 0;
};

/// Reads a serialized snakepit.worker.v1.Error, such as `process_events::on_refused` brings.
error decode_error(std::string_view text);

/// Reads a final that the journal holds as a message: a serialized snakepit.worker.v1.Results with
/// the final of `seq` alone. `raw`: what its call was. protocol_error if it is anything else.
result<core::final_result> decode_final(std::string_view message, uint64_t seq, bool raw,
                                        uint64_t payload_bytes);

/// Makes the memory writes of all workers that declared the feature "membarrier" visible to the
/// calling thread, as far as they came before. False if this kernel cannot.
bool memory_barrier() noexcept;

/// Makes the real one, over gRPC. Nothing happens until `greet`.
std::unique_ptr<worker_channel> make_grpc_channel(channel_events events);

} // namespace snakepit::io
