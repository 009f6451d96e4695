#include "actors/core/poison_table.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

constexpr size_t most_entries = 1000;

/// FNV-1a, from a start of one's own.
class hash {
public:
  explicit hash(uint64_t start) : value_{start} {}
  void add(std::string_view text) {
    for (auto c : text)
      value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    // So that one text's end is not another's beginning.
    value_ = (value_ ^ text.size()) * 0x100000001b3u;
    value_ ^= value_ >> 29;
  }
  uint64_t value() const noexcept {
    return value_;
  }

private:
  uint64_t value_;
};

uint64_t hash_of(const call& x, uint64_t start) {
  auto out = hash{start};
  out.add(x.group->tool);
  out.add(x.kind == payload_kind::raw ? "raw" : "json");
  out.add(x.data);
  for (auto& one : x.attachments)
    out.add(one);
  return out.value();
}

std::chrono::milliseconds rounded(duration x) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(x);
}

} // namespace

poison_table::key poison_table::key_of(const call& x) {
  return {hash_of(x, 0xcbf29ce484222325u), hash_of(x, 0x9e3779b97f4a7c15u)};
}

bool poison_table::note(const call& x, const std::string& cause, time_point now) {
  if (!rules_.enabled)
    return false;
  forget_old(now);
  auto& it = entries_[key_of(x)];
  it.tool = x.group->tool;
  it.cause = cause;
  it.last = now;
  ++it.deaths;
  auto poisoned = is_poisoned(it);
  if (entries_.size() > most_entries)
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](auto& a, auto& b) {
      return a.second.last < b.second.last;
    }));
  return poisoned;
}

const poison_table::entry* poison_table::find(const call& x, time_point now) {
  if (entries_.empty())
    return nullptr;
  forget_old(now);
  auto i = entries_.find(key_of(x));
  return i != entries_.end() && is_poisoned(i->second) ? &i->second : nullptr;
}

std::vector<poisoned_call> poison_table::list(time_point now) {
  forget_old(now);
  auto out = std::vector<poisoned_call>{};
  for (auto& [key, x] : entries_)
    if (is_poisoned(x))
      out.push_back(
        {{}, x.tool, x.cause, x.deaths, rounded(now - x.last), rounded(until(x) - now)});
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.since < b.since; });
  return out;
}

size_t poison_table::clear(time_point now) {
  auto count = list(now).size();
  entries_.clear();
  return count;
}

void poison_table::forget_old(time_point now) {
  std::erase_if(entries_, [&](auto& x) { return until(x.second) <= now; });
}

} // namespace snakepit::core
