#include "bench/schedule.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <utility>

namespace snakepit::bench {

std::vector<int64_t> perfect_ends(const std::vector<recorded_call>& calls, size_t lanes) {
  std::priority_queue<int64_t, std::vector<int64_t>, std::greater<>> free_at;
  for (size_t i = 0; i < lanes; ++i)
    free_at.push(0);
  std::vector<int64_t> out;
  out.reserve(calls.size());
  for (auto& x : calls) {
    auto begin = std::max(free_at.top(), x.submitted);
    free_at.pop();
    out.push_back(begin + x.ended - x.began);
    free_at.push(out.back());
  }
  return out;
}

uint64_t count_idle_waits(const std::vector<recorded_call>& calls, int64_t slack) {
  // Per lane the stretches of more than `slack` between two runs, in their order.
  using stretch = std::pair<int64_t, int64_t>;
  std::map<int64_t, std::vector<stretch>> runs;
  for (auto& x : calls)
    runs[x.lane].emplace_back(x.began, x.ended);
  std::vector<std::vector<stretch>> idle;
  for (auto& [lane, own] : runs) {
    std::ranges::sort(own);
    auto& gaps = idle.emplace_back();
    for (size_t i = 1; i < own.size(); ++i)
      if (own[i].first - own[i - 1].second > slack)
        gaps.emplace_back(own[i - 1].second, own[i].first);
  }
  auto waited_in = [&](const recorded_call& x, const std::vector<stretch>& gaps) {
    auto i = std::ranges::partition_point(
      gaps, [&](const stretch& gap) { return gap.second <= x.submitted; });
    for (; i != gaps.end() && i->first < x.began; ++i)
      if (std::min(i->second, x.began) - std::max(i->first, x.submitted) > slack)
        return true;
    return false;
  };
  return static_cast<uint64_t>(std::ranges::count_if(calls, [&](const recorded_call& x) {
    return !x.is_long && std::ranges::any_of(idle, [&](auto& gaps) { return waited_in(x, gaps); });
  }));
}

} // namespace snakepit::bench
