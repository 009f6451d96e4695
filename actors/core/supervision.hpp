#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// The rules of a supervisor, in OTP's words, without the actors they are about.
namespace snakepit::core {

/// When a child that ended is started again.
enum class restart_type : uint8_t {
  permanent, ///< always
  transient, ///< only after an abnormal end
  temporary, ///< never; the supervisor forgets it when it ends
};

/// Which children are stopped and started again when one is.
enum class restart_strategy : uint8_t {
  one_for_one,  ///< the one that ended
  one_for_all,  ///< all
  rest_for_one, ///< the one that ended and those after it
};

/// In which order a supervisor stops several children.
enum class stop_order : uint8_t {
  reverse,  ///< one by one, the next when the former is down
  together, ///< all at once: for many children that know nothing of each other
};

/// How long a child may take to end after it was asked to; then it is killed.
struct shutdown_grace {
  std::chrono::milliseconds time{5'000};

  /// Killed without being asked.
  static constexpr shutdown_grace brutal() {
    return {std::chrono::milliseconds::zero()};
  }

  /// Never killed. For supervisors, which are bounded by the grace of their children.
  static constexpr shutdown_grace infinite() {
    return {std::chrono::milliseconds::max()};
  }

  friend constexpr bool operator==(shutdown_grace, shutdown_grace) = default;
};

/// Whether the end of a child is followed by a restart.
constexpr bool must_restart(restart_type type, bool normal_end) {
  switch (type) {
  case restart_type::permanent:
    return true;
  case restart_type::transient:
    return !normal_end;
  case restart_type::temporary:
    return false;
  }
  return false;
}

/// Positions [first, last) in the order of start.
struct child_range {
  size_t first = 0;
  size_t last = 0;

  friend constexpr bool operator==(child_range, child_range) = default;
};

/// The children that are restarted together with the one at `position`. They are stopped from the
/// last to the first and then started from the first to the last.
constexpr child_range restarted_with(restart_strategy strategy, size_t position, size_t count) {
  switch (strategy) {
  case restart_strategy::one_for_one:
    return {position, position + 1};
  case restart_strategy::one_for_all:
    return {0, count};
  case restart_strategy::rest_for_one:
    return {position, count};
  }
  return {position, position + 1};
}

} // namespace snakepit::core
