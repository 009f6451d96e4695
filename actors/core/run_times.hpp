#pragma once

#include "actors/core/call.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace snakepit::core {

/// How long calls of each tool run, foreseen from how long they ran: an exponential mean, so that a
/// tool whose calls grow longer is noticed within some ten calls.
class run_times {
public:
  /// `unknown` is foreseen for a tool without samples.
  explicit run_times(std::chrono::nanoseconds unknown) : unknown_{unknown} {}

  std::chrono::nanoseconds foresee(uint32_t tool) const {
    return tool < means_.size() && means_[tool] >= 0
             ? std::chrono::nanoseconds{static_cast<int64_t>(means_[tool])}
             : unknown_;
  }

  /// Notes that `count` calls of `tool` ran for `total` together. What is no tool of the pool, such
  /// as a probe, is not noted.
  void note(uint32_t tool, uint32_t count, std::chrono::nanoseconds total) {
    if (count == 0 || tool == call::unresolved)
      return;
    if (tool >= means_.size())
      means_.resize(tool + 1, -1.0);
    auto sample = static_cast<double>(total.count()) / count;
    auto& mean = means_[tool];
    // Many samples at once weigh more, up to half.
    auto weight = mean < 0 ? 1.0 : std::min(0.5, 0.125 * count);
    mean = mean < 0 ? sample : mean + weight * (sample - mean);
  }

private:
  std::chrono::nanoseconds unknown_;
  std::vector<double> means_; // by tool, negative: no sample yet
};

} // namespace snakepit::core
