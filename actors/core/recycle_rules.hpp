#pragma once

#include "actors/core/call.hpp"

#include <snakepit/config.hpp>

#include <compare>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace snakepit::core {

/// Why a worker is replaced though nothing is wrong with it.
enum class recycle_reason : uint8_t { manual, ttl, max_calls, memory, idle, reload };

std::string_view to_string(recycle_reason x);

/// How far one worker may go; see `recycle_config`.
struct recycle_limits {
  static constexpr auto none = std::numeric_limits<uint64_t>::max();

  duration ttl = infinite;
  uint64_t max_calls = none;
  uint64_t memory_soft = none;
  uint64_t memory_hard = none;
  duration idle = infinite;
};

/// The limits of one worker: those of the configuration, less what jitter takes off, which is the
/// same each time. The hard limit is what it is.
recycle_limits limits_of(const recycle_config& x, uint32_t slot, uint32_t generation,
                         uint64_t seed);

/// What is to be known of a worker that is ready, or was and leaves.
struct worker_life {
  uint32_t slot = 0;
  uint32_t generation = 0;
  int64_t pid = 0;
  bool leaving = false;
  time_point ready_since{};
  uint64_t calls = 0; ///< that have ended on it
  /// When the last one did; `never` while it has some, and before the first one.
  time_point idle_since = never;
  uint64_t memory = 0; ///< when it was last measured; 0: it was not
  uint32_t revision = 1;
};

/// Decides which workers of a pool are to be replaced, and why, which are to be ended for their
/// memory, and when to look again if nothing else happens.
///
/// A worker that has had no call is as good as a new one: it is replaced for its age only. A pool
/// without work then does not start the same worker over and over, nor does one whose workers hold
/// more than `memory_soft` before they have done anything.
///
/// What has been ordered is not ordered again, unless it is refused: then not before a pause.
///
/// One thread at a time; the caller passes the time in.
class recycle_rules {
public:
  recycle_rules(recycle_config config, uint64_t seed, duration pause);

  struct worker {
    uint32_t slot = 0;
    uint32_t generation = 0;

    friend auto operator<=>(const worker&, const worker&) = default;
  };
  struct replacement {
    worker who;
    recycle_reason why;
  };
  struct verdict {
    std::vector<replacement> replace;
    std::vector<worker> end;
    time_point next = never;
  };

  /// `workers` are all that there are.
  verdict judge(const std::vector<worker_life>& workers, time_point now);

  /// There is no new worker: it did not start, or could not be asked for.
  void refused(const worker& who, time_point now);

  /// Whether there is any limit.
  bool any() const noexcept;

  /// Whether memory is limited.
  bool measures() const noexcept {
    return config_.memory_soft != 0 || config_.memory_hard != 0;
  }

  recycle_limits limits(const worker_life& x) const {
    return limits_of(config_, x.slot, x.generation, seed_);
  }

private:
  recycle_config config_;
  uint64_t seed_;
  duration pause_;
  std::map<worker, time_point> ordered_; // and when they may be again
};

} // namespace snakepit::core
