#include "actors/cli/timing.hpp"

#include <algorithm>
#include <cmath>

namespace snakepit::cli {

std::chrono::nanoseconds percentile(const latencies& sorted, double part) {
  auto rank = std::ceil(part * static_cast<double>(sorted.size()));
  auto index = std::max<size_t>(static_cast<size_t>(rank), 1) - 1;
  return sorted[std::min(index, sorted.size() - 1)];
}

} // namespace snakepit::cli
