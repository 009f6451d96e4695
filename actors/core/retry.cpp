#include "actors/core/retry.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

/// A number from -1 to 1 that differs between calls and runs, and is the same each time.
double draw(const call& x) {
  auto mixed = (x.id * 0x9e3779b97f4a7c15u + x.attempt) * 0xbf58476d1ce4e5b9u;
  mixed ^= mixed >> 31;
  return static_cast<double>(mixed >> 11) / 9007199254740992.0 * 2 - 1;
}

} // namespace

std::optional<time_point> next_try(const retry_config& rules, const call& x, reason why,
                                   time_point now) {
  if (x.attempt >= rules.attempts)
    return std::nullopt;
  if (std::find(rules.on.begin(), rules.on.end(), to_string(why)) == rules.on.end())
    return std::nullopt;
  auto pause = duration{0};
  if (!rules.backoff.empty())
    pause = rules.backoff[std::min<size_t>(x.attempt - 1, rules.backoff.size() - 1)];
  auto share = 1 + rules.jitter * draw(x);
  auto due = later(now, duration{static_cast<int64_t>(static_cast<double>(pause.count()) * share)});
  if (due >= x.deadline)
    return std::nullopt;
  return due;
}

void retry_line::add(entry x, time_point due) {
  line_.emplace(due, std::move(x));
}

std::vector<call_ptr> retry_line::take_due(time_point now) {
  auto out = std::vector<call_ptr>{};
  auto end = line_.upper_bound(now);
  for (auto i = line_.begin(); i != end; ++i) {
    ++i->second.call->attempt;
    out.push_back(std::move(i->second.call));
  }
  line_.erase(line_.begin(), end);
  return out;
}

call_ptr retry_line::withdraw(const call_ticket* ticket) {
  auto i = std::find_if(line_.begin(), line_.end(),
                        [&](auto& x) { return x.second.call->ticket.get() == ticket; });
  if (i == line_.end())
    return nullptr;
  auto out = std::move(i->second.call);
  line_.erase(i);
  return out;
}

std::vector<retry_line::entry> retry_line::clear() {
  auto out = std::vector<entry>{};
  for (auto& [due, x] : line_)
    out.push_back(std::move(x));
  line_.clear();
  return out;
}

} // namespace snakepit::core
