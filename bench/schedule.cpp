#include "bench/schedule.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
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

namespace {

using stretch = std::pair<int64_t, int64_t>;

/// The part that two have in common; empty ones end before they begin.
stretch common(stretch x, stretch y) {
  return {std::max(x.first, y.first), std::min(x.second, y.second)};
}

/// Whether any of `all`, which are in order, has more than `slack` in common with x, for which
/// `condition` holds.
template <class Condition>
bool shares(const std::vector<stretch>& all, stretch x, int64_t slack, Condition condition) {
  auto i = std::ranges::partition_point(all, [&](stretch y) { return y.second <= x.first; });
  for (; i != all.end() && i->first < x.second; ++i)
    if (auto both = common(*i, x); both.second - both.first > slack && condition(both))
      return true;
  return false;
}

/// What is longer than the slack of what one lane did, in its order.
struct lane_times {
  std::vector<stretch> runs, gaps;
};

} // namespace

idle_waits count_idle_waits(const std::vector<recorded_call>& calls, int64_t slack) {
  std::map<int64_t, std::vector<stretch>> all_runs;
  for (auto& x : calls)
    all_runs[x.lane].emplace_back(x.began, x.ended);
  std::vector<lane_times> lanes;
  auto is_long = [&](stretch x) { return x.second - x.first > slack; };
  for (auto& [lane, runs] : all_runs) {
    std::ranges::sort(runs);
    auto& to = lanes.emplace_back();
    std::ranges::copy_if(runs, std::back_inserter(to.runs), is_long);
    for (size_t i = 1; i < runs.size(); ++i)
      if (auto gap = stretch{runs[i - 1].second, runs[i].first}; is_long(gap))
        to.gaps.push_back(gap);
  }
  auto something_runs = [&](stretch x) {
    return std::ranges::any_of(lanes, [&](const lane_times& y) {
      return shares(y.runs, x, slack, [](stretch) { return true; });
    });
  };
  idle_waits out;
  for (auto& x : calls) {
    if (x.is_long)
      continue;
    auto waited = [&](auto condition) {
      return std::ranges::any_of(lanes, [&](const lane_times& y) {
        return shares(y.gaps, {x.submitted, x.began}, slack, condition);
      });
    };
    out.all += waited([](stretch) { return true; });
    out.behind += waited(something_runs);
  }
  return out;
}

} // namespace snakepit::bench
