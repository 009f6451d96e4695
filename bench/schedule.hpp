#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace snakepit::bench {

/// One call as it went; all times in nanoseconds of one clock.
struct recorded_call {
  bool is_long = false;
  int64_t lane = 0;      ///< who ran it
  int64_t submitted = 0; ///< by the caller
  int64_t began = 0;     ///< in Python
  int64_t ended = 0;     ///< in Python
  int64_t answered = 0;  ///< at the caller
};

/// When a perfect scheduler would have ended each call: whenever a lane is free and a call has
/// arrived, the oldest one runs, for as long as it ran here, at no cost. `calls` are sorted by
/// `submitted`.
std::vector<int64_t> perfect_ends(const std::vector<recorded_call>& calls, std::size_t lanes);

/// Short calls that waited, for longer than `slack` in one piece, while one of the lanes that occur
/// in `calls` ran nothing.
struct idle_waits {
  uint64_t behind = 0; ///< while another lane ran a call, behind which they may have stood
  uint64_t all = 0;    ///< also while nothing ran, so that they can only have been on their way
};
idle_waits count_idle_waits(const std::vector<recorded_call>& calls, int64_t slack);

} // namespace snakepit::bench
