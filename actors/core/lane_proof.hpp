#pragma once

#include "actors/core/call.hpp"

#include <algorithm>
#include <chrono>

namespace snakepit::core {

/// Decides when a lane that has been idle is proved by a probe, and what to think of one that does
/// not end. Whatever the lane sends proves it, so a busy one is never probed. A late probe lets the
/// lane have no calls; it has failed when the worker still answers heartbeats but has not run it in
/// time. While it answers none, the heartbeat judges.
///
/// One thread at a time; the caller passes the time in.
class lane_proof {
public:
  /// A probe takes well below a millisecond; after this it is late.
  static constexpr auto late_after = std::chrono::milliseconds{250};

  lane_proof() = default;
  /// `interval`: how long the lane may be idle. `timeout`: how long a probe may take.
  lane_proof(duration interval, duration timeout, time_point now)
    : interval_{interval}, timeout_{timeout}, due_{core::later(now, interval)} {}

  enum class advice { nothing, send, hold, fail };

  /// What is known of the worker as a whole.
  struct control {
    bool on = false;        ///< it is sent heartbeats
    bool silent = false;    ///< it has not answered for too long
    time_point proved_at{}; ///< when the last one that it answered had been sent
  };
  /// `send`: the caller sends a probe. `hold`: the lane should get no calls; `fail`: it cannot run
  /// any. Each is said once.
  advice look(time_point now, bool idle, const control& x) {
    if (now < due_)
      return advice::nothing;
    if (stage_ == stage::proved)
      return idle ? send(now) : wait(now);
    if (x.silent)
      fail_at_ = core::later(now, timeout_);
    due_ = fail_at_;
    if (stage_ == stage::sent) {
      stage_ = stage::late;
      return advice::hold;
    }
    if (now < fail_at_)
      return advice::nothing;
    // Without an answer to a heartbeat that went out after that time it may be the host that is
    // slow.
    if (x.on && x.proved_at < fail_at_) {
      due_ = core::later(now, late_after);
      return advice::nothing;
    }
    due_ = never;
    if (stage_ == stage::failed)
      return advice::nothing;
    stage_ = stage::failed;
    return advice::fail;
  }

  /// The lane has sent something. Returns whether it was held.
  bool on_results(time_point now) {
    auto was_held = held();
    stage_ = stage::proved;
    wait(now);
    return was_held;
  }

  bool held() const noexcept {
    return stage_ >= stage::late;
  }
  bool failed() const noexcept {
    return stage_ == stage::failed;
  }
  /// When the probe that is out was sent.
  time_point sent_at() const noexcept {
    return sent_at_;
  }
  /// When `look` has something to do next.
  time_point next_due() const noexcept {
    return due_;
  }

private:
  enum class stage { proved, sent, late, failed };

  advice send(time_point now) {
    stage_ = stage::sent;
    sent_at_ = now;
    fail_at_ = core::later(now, timeout_);
    due_ = core::later(now, std::min<duration>(late_after, timeout_));
    return advice::send;
  }
  advice wait(time_point now) {
    due_ = core::later(now, interval_);
    return advice::nothing;
  }

  duration interval_ = infinite;
  duration timeout_ = infinite;
  stage stage_ = stage::proved;
  time_point sent_at_{};
  time_point fail_at_ = never;
  time_point due_ = never;
};

} // namespace snakepit::core
