#pragma once

#include "actors/core/call.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

namespace snakepit::core {

/// How long calls of one tool ran.
struct run_sum {
  uint32_t tool = 0;
  uint32_t count = 0;
  std::chrono::nanoseconds total{0};
  /// Logarithms to base 2 of each, in nanoseconds.
  double logs = 0;

  void add(std::chrono::nanoseconds x) {
    ++count;
    total += x;
    logs += std::log2(std::max(1.0, static_cast<double>(x.count())));
  }
};

/// How long calls of each tool run, from how long they ran. What is foreseen for a call is what is
/// usual: an exponential mean of logarithms, so that one long call among a hundred short ones does
/// not make them all wait for each other, and a tool whose calls grow longer is noticed within some
/// ten calls. What many calls take together is said by the `mean`.
class run_times {
public:
  using duration = std::chrono::nanoseconds;

  /// `unknown` is foreseen for a tool without samples.
  explicit run_times(duration unknown) : unknown_{unknown} {}

  /// What a call usually takes.
  duration foresee(uint32_t tool) const {
    return knows(tool) ? tools_[tool].usual : unknown_;
  }

  /// What a call takes on the average.
  duration mean(uint32_t tool) const {
    return knows(tool) ? duration{static_cast<int64_t>(tools_[tool].mean)} : unknown_;
  }

  /// How many calls have been noted.
  uint64_t samples(uint32_t tool) const {
    return tool < tools_.size() ? tools_[tool].samples : 0;
  }

  /// What is no tool of the pool, such as a probe, is not noted.
  void note(const run_sum& x) {
    if (x.count == 0 || x.tool == call::unresolved)
      return;
    if (x.tool >= tools_.size())
      tools_.resize(x.tool + 1);
    auto& to = tools_[x.tool];
    to.samples += x.count;
    // Many samples at once weigh more, up to half.
    auto weight = to.mean < 0 ? 1.0 : std::min(0.5, 0.125 * x.count);
    auto mean = static_cast<double>(x.total.count()) / x.count;
    to.mean = to.mean < 0 ? mean : to.mean + weight * (mean - to.mean);
    to.log += weight * (x.logs / x.count - to.log);
    to.usual = duration{std::llround(std::exp2(to.log))};
  }

private:
  struct estimate {
    double mean = -1; // negative: no sample yet
    double log = 0;
    duration usual{0};
    uint64_t samples = 0;
  };

  bool knows(uint32_t tool) const {
    return tool < tools_.size() && tools_[tool].mean >= 0;
  }

  duration unknown_;
  std::vector<estimate> tools_;
};

} // namespace snakepit::core
