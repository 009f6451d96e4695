#pragma once

#include "actors/core/call.hpp"

#include <snakepit/config.hpp>

#include <deque>

namespace snakepit::core {

/// Whether a pool's workers crash too often: as many as may not within any window of time. It is so
/// until fewer have crashed within the last window.
///
/// One thread at a time; the caller passes the time in.
class crash_rate {
public:
  explicit crash_rate(const health_config& rules = {}) : rules_{rules} {}

  /// A worker has crashed. Returns whether that is one too many, and the last was not.
  bool note(time_point now) {
    if (rules_.crashes == 0)
      return false;
    forget_old(now);
    if (crashes_.size() == rules_.crashes)
      crashes_.pop_front();
    crashes_.push_back(now);
    auto before = too_high_;
    too_high_ = crashes_.size() == rules_.crashes;
    return too_high_ && !before;
  }

  /// As of the last `note` or `look`.
  bool too_high() const noexcept {
    return too_high_;
  }

  /// Time has passed.
  void look(time_point now) {
    forget_old(now);
    too_high_ = rules_.crashes > 0 && crashes_.size() == rules_.crashes;
  }

  /// When `look` will find it low again if nothing crashes; `never` while it is not too high.
  time_point next_due() const noexcept {
    return too_high_ ? later(crashes_.front(), rules_.window) : never;
  }

private:
  void forget_old(time_point now) {
    while (!crashes_.empty() && later(crashes_.front(), rules_.window) <= now)
      crashes_.pop_front();
  }

  health_config rules_;
  std::deque<time_point> crashes_; // the last ones, as many as may not be, oldest first
  bool too_high_ = false;
};

} // namespace snakepit::core
