#pragma once

#include "actors/io/worker_channel.hpp"

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

namespace snakepit::io {

/// Stands between gRPC's threads, whose calls may outlive the channel, and the channel's events:
/// after `close` nothing passes. Any thread.
class event_gate {
public:
  explicit event_gate(channel_events events) : events_{std::move(events)} {}

  /// Calls `f(events)` unless the gate is closed.
  template <class F>
  void pass(F&& f) {
    {
      std::lock_guard guard{mutex_};
      if (closed_)
        return;
      ++inside_;
    }
    f(std::as_const(events_));
    // Told under the lock: the closing thread may destroy the gate as soon as it has the lock.
    std::lock_guard guard{mutex_};
    if (--inside_ == 0 && closed_)
      empty_.notify_all();
  }

  /// Returns when no event is running and none can run any more. Not from within an event. Frees
  /// what the events hold.
  void close() {
    std::unique_lock guard{mutex_};
    closed_ = true;
    empty_.wait(guard, [this] { return inside_ == 0; });
    auto dropped = std::exchange(events_, {});
    guard.unlock(); // what they hold may be anything
  }

private:
  std::mutex mutex_;
  std::condition_variable empty_;
  channel_events events_;
  size_t inside_ = 0;
  bool closed_ = false;
};

} // namespace snakepit::io
