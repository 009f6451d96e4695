#pragma once

#include "actors/core/call.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace snakepit::core {

/// Decides whether the event loop that all lanes of a worker are on is blocked: each call has a
/// lane of its own, so one that was sent and does not begin waits for a loop that does not come
/// round. Whatever the worker sends shows that it does.
///
/// One thread at a time; the caller passes the time in.
class loop_watch {
public:
  /// A loop begins a call within some milliseconds; after this it is late.
  static constexpr auto late_after = std::chrono::milliseconds{250};

  /// A call was sent.
  void sent(time_point now) {
    due_ = std::min(due_, core::later(now, late_after));
  }

  /// `oldest`: when the oldest call was sent that has not begun, `never` if there is none. Whether
  /// the loop is found blocked; said once.
  bool look(time_point now, time_point oldest) {
    if (now < due_)
      return false;
    due_ = oldest == never ? never : core::later(oldest, late_after);
    if (now < due_)
      return false;
    due_ = never;
    return !std::exchange(blocked_, true);
  }

  /// The worker has sent something. Returns whether its loop was blocked.
  bool on_results() noexcept {
    return std::exchange(blocked_, false);
  }

  bool blocked() const noexcept {
    return blocked_;
  }
  /// When `look` has something to do next.
  time_point next_due() const noexcept {
    return due_;
  }

private:
  time_point due_ = never;
  bool blocked_ = false;
};

} // namespace snakepit::core
