#pragma once

#include "actors/core/worker_protocol.hpp"
#include "actors/io/process.hpp"

#include <functional>
#include <memory>
#include <string>

namespace snakepit::io {

/// What arrives from one worker over its channel. Called from threads of the channel's own, also
/// from within `send`; nothing is called after `~worker_channel` has returned. They must not block.
struct channel_events {
  /// The end of `greet`.
  std::function<void(result<core::hello_reply>)> on_greeted;
  /// Finals of calls. Per lane in order, never two at once.
  std::function<void(core::results)> on_results;
  /// A stream or the channel has ended, once per lane. `why` is for people.
  std::function<void(uint32_t lane, std::string why)> on_lane_closed;
};

/// The way to one worker: one connection for life, never re-dialled. Any thread.
class worker_channel {
public:
  /// Cancels what is under way.
  virtual ~worker_channel() = default;

  /// Connects, checks the peer's credentials against `peer`, unlinks the path, says Hello.
  /// Ends in `on_greeted`, always.
  virtual void greet(const std::string& socket_path, int64_t peer_pid, core::hello hello) = 0;

  /// Opens all Work streams and the Control stream. After `on_greeted` only.
  virtual void open(uint32_t lanes) = 0;

  /// Queues a batch for its lane; encoded before this returns, sent when the lane's writer is free.
  virtual void send(const core::batch& x) = 0;

  /// Asks the worker to finish what runs, clean up and exit.
  virtual void shutdown(std::chrono::milliseconds grace) = 0;
};

/// Reads a serialized snakepit.worker.v1.Error, such as `process_events::on_refused` brings.
error decode_error(const std::string& text);

/// Makes the real one, over gRPC. Nothing happens until `greet`.
std::unique_ptr<worker_channel> make_grpc_channel(channel_events events);

} // namespace snakepit::io
