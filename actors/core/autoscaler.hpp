#pragma once

#include "actors/core/call.hpp"

#include <snakepit/config.hpp>

#include <cstddef>

namespace snakepit::core {

/// Decides how many workers a pool should have, between `min` and `max`.
///
/// More, when a call has waited for `target_wait` and all workers that were wanted are ready: in
/// the proportion in which it has waited longer, at least one, at most twice as many at a time, and
/// no more than there are calls for. Fewer, when for `idle` no more lanes were needed at a time: as
/// many as were.
///
/// One thread at a time; the caller passes the time in.
class autoscaler {
public:
  autoscaler(autoscale_config config, size_t lanes, time_point now)
    : config_{config}, lanes_{lanes}, begun_{now} {}

  struct load {
    size_t workers = 0; ///< wanted so far
    size_t ready = 0;
    size_t busy = 0;    ///< lanes
    size_t queued = 0;  ///< calls
    duration waited{0}; ///< by the call that is served next
  };

  /// How many workers there should be. May be asked at any time, and should be where the load
  /// changes.
  size_t judge(const load& x, time_point now);

  /// When fewer may be enough, if nothing else happens.
  time_point next_due() const noexcept {
    return later(begun_, config_.idle);
  }

  duration target_wait() const noexcept {
    return config_.target_wait;
  }

private:
  size_t needed(size_t lanes) const {
    return (lanes + lanes_ - 1) / lanes_;
  }

  autoscale_config config_;
  size_t lanes_;     // of a worker
  time_point begun_; // of the time in which lanes are counted
  size_t most_ = 0;  // lanes that were needed at a time since
};

} // namespace snakepit::core
