#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace snakepit::cli {

/// Times of calls, ascending.
using latencies = std::vector<std::chrono::nanoseconds>;

/// The smallest time that at least the share `part` (0 to 1) of the calls did not exceed. `sorted`
/// is not empty.
std::chrono::nanoseconds percentile(const latencies& sorted, double part);

struct throughput {
  uint64_t calls = 0; ///< answered within `span`
  std::chrono::nanoseconds span{0};

  double per_second() const {
    return static_cast<double>(calls) / std::chrono::duration<double>(span).count();
  }
};

} // namespace snakepit::cli
