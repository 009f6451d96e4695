#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

namespace snakepit::core {

/// Tells how many restarts are too many: more than `intensity` of them within any `period`.
/// The caller passes the time in; it never runs backwards.
class restart_window {
public:
  using duration = std::chrono::steady_clock::duration;
  using time_point = std::chrono::steady_clock::time_point;

  restart_window(size_t intensity, duration period) : intensity_{intensity}, period_{period} {}

  /// Records a restart.
  /// @returns `false` if this one is too many.
  [[nodiscard]] bool admit(time_point now) {
    while (!restarts_.empty() && now - restarts_.front() > period_)
      restarts_.pop_front();
    restarts_.push_back(now);
    return restarts_.size() <= intensity_;
  }

private:
  size_t intensity_;
  duration period_;
  std::deque<time_point> restarts_; // oldest first
};

} // namespace snakepit::core
