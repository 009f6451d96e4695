#pragma once

#include "actors/core/call.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace snakepit::core {

/// Calls that wait for others of their kind, to run with them as one: which groups there are and
/// when each is to go. That is when it is full, or when the time of one of its calls is up; it then
/// takes in more until a lane has room for it. A kind is named by a key that means nothing here.
///
/// O(log calls) per call. One thread at a time; the caller passes the time in.
class gathering {
public:
  using duration = std::chrono::nanoseconds;

  /// Until when a call may be held back: not longer than `max_delay` after its admission, and of
  /// what its time leaves beyond a run as long as is foreseen not more than half.
  static time_point hold_until(const call& x, duration max_delay, duration foreseen) {
    auto result = later(x.admitted, max_delay);
    if (x.deadline != never)
      result = std::min(result, half_way(x.admitted, x.deadline - foreseen));
    if (x.queue_deadline != never)
      result = std::min(result, half_way(x.admitted, x.queue_deadline));
    return result;
  }

  /// A call that came `at` joins the group of this key, of which at most `most_calls` go together.
  void add(uint32_t key, size_t most_calls, time_point until, uint64_t bytes, time_point at) {
    auto& to = groups_[key];
    to.most_calls = most_calls;
    to.bytes += bytes;
    to.until.insert(to.until.end(), until);
    if (is_full(to))
      to.full_since = std::min(to.full_since, at);
  }

  /// As many as can go together have left the group.
  void went(uint32_t key, time_point now) {
    if (auto i = groups_.find(key); i != groups_.end() && is_full(i->second))
      i->second.full_since = now;
  }

  /// A call that has joined with these leaves, for whatever reason.
  void remove(uint32_t key, time_point until, uint64_t bytes) {
    auto i = groups_.find(key);
    i->second.bytes -= bytes;
    i->second.until.erase(i->second.until.find(until));
    if (i->second.until.empty())
      groups_.erase(i);
    else if (!is_full(i->second))
      i->second.full_since = never;
  }

  /// From now on nobody is held back.
  void flush() noexcept {
    flushed_ = true;
  }

  /// How many calls the group has.
  size_t size(uint32_t key) const {
    auto i = groups_.find(key);
    return i == groups_.end() ? 0 : i->second.until.size();
  }

  bool empty() const noexcept {
    return groups_.empty();
  }

  /// How many fewer there are if calls that will go together count as one. O(groups).
  size_t saved() const noexcept {
    auto result = size_t{0};
    for (auto& [key, x] : groups_) {
      auto calls = x.until.size();
      result += calls - (calls + x.most_calls - 1) / x.most_calls;
    }
    return result;
  }

  /// Since when the group is to go, as far as is known; it may be later than now. `never`: there is
  /// none.
  time_point ready_since(uint32_t key) const {
    auto i = groups_.find(key);
    return i == groups_.end() ? never : std::min(i->second.full_since, *i->second.until.begin());
  }

  /// Whether the group is to go.
  bool is_ready(uint32_t key, time_point now) const {
    auto i = groups_.find(key);
    return i != groups_.end() && is_ready(i->second, now);
  }

  /// Of the groups that are to go the one that comes first; null if there is none. `before(a, b)`:
  /// whether the group of key a goes before that of key b. O(groups).
  template <class Before>
  const uint32_t* first_ready(time_point now, Before before) const {
    const uint32_t* result = nullptr;
    for (auto& [key, x] : groups_)
      if (is_ready(x, now) && (!result || before(key, *result)))
        result = &key;
    return result;
  }

  /// When the next of the groups is to go that are not yet; `never` if there is none.
  time_point next_due(time_point now) const {
    auto result = never;
    for (auto& [key, x] : groups_)
      if (!is_ready(x, now))
        result = std::min(result, *x.until.begin());
    return result;
  }

private:
  struct group {
    size_t most_calls = 1;
    uint64_t bytes = 0;
    std::multiset<time_point> until; // one a call
    time_point full_since = never;
  };

  static bool is_full(const group& x) {
    return x.until.size() >= x.most_calls || x.bytes >= max_batch_bytes;
  }

  bool is_ready(const group& x, time_point now) const {
    return flushed_ || is_full(x) || *x.until.begin() <= now;
  }

  static time_point half_way(time_point from, time_point to) {
    return to <= from ? from : from + (to - from) / 2;
  }

  std::map<uint32_t, group> groups_; // those with calls
  bool flushed_ = false;
};

} // namespace snakepit::core
