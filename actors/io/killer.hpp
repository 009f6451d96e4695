#pragma once

#include "actors/core/settling.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace snakepit::io {

/// How long processes have, at each step.
struct kill_patience {
  std::chrono::milliseconds after_term{500};
  std::chrono::milliseconds after_kill{2000};
};

/// What became of a process that was to be ended.
struct kill_end {
  /// `gone`: it had ended before, or is not the one that was meant.
  enum what { gone, terminated, killed, survived } how = gone;
  std::chrono::microseconds took{0};
};

/// Ends processes that are not our children, all at once: SIGTERM, a wait for their ends, SIGKILL
/// for those that are left, and another wait. Every signal goes through a pidfd of which it was
/// seen, after it was opened, that it is the process that is meant, so a number that somebody else
/// has by now harms nobody. A zombie has ended. Takes no longer than both waits; one result for
/// each process, in their order.
std::vector<kill_end> end_processes(const std::vector<core::debt>& which,
                                    const kill_patience& patience = {});

} // namespace snakepit::io
