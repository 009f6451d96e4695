#pragma once

#include "actors/io/connection.hpp"
#include "actors/io/event_gate.hpp"
#include "actors/io/wire_codec.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace snakepit::io {

/// All lanes of a worker over one Work stream. What waits while a message is being written goes
/// along in the next one. Any thread.
class shared_lanes {
public:
  shared_lanes(uint32_t count, uint64_t payload_bytes, std::shared_ptr<connection> link)
    : link_{std::move(link)}, sent_(count), decoder_{sent_, payload_bytes} {}

  /// What to do with what comes on the stream. The events keep the lanes.
  static stream_events events_of(const std::shared_ptr<shared_lanes>& x,
                                 std::shared_ptr<event_gate> gate);

  /// The stream that was opened with the events, before the first `send`.
  void use(std::shared_ptr<message_stream> x) {
    stream_ = std::move(x);
  }

  void send(const core::batch& x);

private:
  std::shared_ptr<connection> link_;
  std::mutex mutex_; // of senders: numbers are noted in the order in which they are written
  batch_encoder encoder_;
  std::vector<sent_numbers> sent_; // by lane
  results_decoder decoder_;        // the stream's reader's own
  std::shared_ptr<message_stream> stream_;
};

} // namespace snakepit::io
