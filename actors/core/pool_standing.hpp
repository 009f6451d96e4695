#pragma once

#include "actors/core/call.hpp"

#include <cstddef>
#include <vector>

namespace snakepit::core {

/// Decides what is worth telling of a pool's workers: when it is ready for the first time, when all
/// have started, when it falls below what it needs and recovers, when starting has failed for good.
///
/// One thread at a time; the caller passes the time in.
class pool_standing {
public:
  enum class change { ready, start_done, start_failed, degraded, recovered };

  struct news {
    change what;
    /// Since the start began, or for `recovered` since it was degraded.
    duration after;
  };

  pool_standing() = default;
  /// `enough` workers make the pool ready; it is to have `all`. One whose workers crash too often
  /// is degraded though it has enough.
  pool_standing(size_t enough, size_t all) : enough_{enough}, all_{all} {}

  void begin(time_point now) {
    begun_ = now;
  }

  /// What has changed since it was told last.
  std::vector<news> note(size_t ready, bool failed, time_point now, bool crashes_often = false);

  /// Whether so many ready workers are enough.
  bool is_enough(size_t ready) const noexcept {
    return ready >= enough_;
  }

  /// Whether it was ready once.
  bool was_ready() const noexcept {
    return was_ready_;
  }

private:
  size_t enough_ = 1;
  size_t all_ = 1;
  time_point begun_{};
  time_point degraded_at_{};
  bool was_ready_ = false;
  bool is_ready_ = false;
  bool started_all_ = false;
  bool failed_ = false;
};

} // namespace snakepit::core
