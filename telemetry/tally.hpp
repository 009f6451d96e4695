#pragma once

#include <snakepit/config.hpp>
#include <snakepit/reasons.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace snakepit::telemetry {

/// Upper bounds, in seconds, of the buckets of every histogram of times: from 100 µs.
inline constexpr auto time_bounds =
  std::array{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
             0.25,   0.5,     1.0,    2.5,   5.0,    10.0,  30.0, 60.0,  300.0};

/// Times in the buckets of a histogram, gathered without a lock. One thread at a time.
struct time_tally {
  std::array<uint32_t, time_bounds.size() + 1> buckets{};
  double seconds = 0;
  uint32_t count = 0;

  void add(duration x) {
    auto s = std::max(std::chrono::duration<double>(x).count(), 0.0);
    auto i = std::lower_bound(time_bounds.begin(), time_bounds.end(), s) - time_bounds.begin();
    ++buckets[static_cast<size_t>(i)];
    seconds += s;
    ++count;
  }
};

/// How calls of one tool ended.
struct tool_tally {
  std::string tool;
  uint32_t succeeded = 0;
  std::vector<std::pair<reason, uint32_t>> failed;
  time_tally whole; ///< from admission to the answer
  time_tally run;   ///< in Python
  duration cpu{0};  ///< as far as it was measured

  void fail(reason why) {
    auto i = std::find_if(failed.begin(), failed.end(), [&](auto& x) { return x.first == why; });
    if (i == failed.end())
      failed.emplace_back(why, 1);
    else
      ++i->second;
  }
};

/// How the calls of one batch ended: a few tools, nearly always one.
class batch_tally {
public:
  tool_tally& of(std::string_view tool) {
    for (auto& x : tools_)
      if (x.tool == tool)
        return x;
    tools_.emplace_back().tool = tool;
    return tools_.back();
  }

  const std::vector<tool_tally>& tools() const noexcept {
    return tools_;
  }

private:
  std::vector<tool_tally> tools_;
};

} // namespace snakepit::telemetry
