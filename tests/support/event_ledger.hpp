#pragma once

#include <snakepit/event.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace snakepit::test {

/// Keeps account of the events that it is told of, and holds them against the laws of
/// docs/events.md. Any thread.
class event_ledger {
public:
  void take(const event& x) {
    auto guard = std::lock_guard{mutex_};
    events_.push_back(x);
    auto call = std::string{x.text("call")};
    if (!call.empty())
      book(calls_[call], x);
    auto worker =
      x.pool + "/" + std::string{x.text("slot")} + "." + std::string{x.text("generation")};
    if (x.kind == event_kind::worker_spawned)
      ++spawned_[worker];
    if (x.kind == event_kind::worker_exited)
      ++exited_[worker];
    if (x.kind == event_kind::worker_ready || x.kind == event_kind::worker_start_failed)
      ++judged_[worker];
  }

  /// Those of one kind, in their order.
  std::vector<event> of(event_kind x) const {
    auto guard = std::lock_guard{mutex_};
    auto result = std::vector<event>{};
    for (auto& e : events_)
      if (e.kind == x)
        result.push_back(e);
    return result;
  }
  size_t count(event_kind x) const {
    return of(x).size();
  }

  /// Those that came after the first `seen`, which then is how many there are.
  std::vector<event> since(size_t& seen) const {
    auto guard = std::lock_guard{mutex_};
    auto result = std::vector<event>{events_.begin() + static_cast<long>(seen), events_.end()};
    seen = events_.size();
    return result;
  }

  std::set<event_kind> kinds() const {
    auto guard = std::lock_guard{mutex_};
    auto result = std::set<event_kind>{};
    for (auto& e : events_)
      result.insert(e.kind);
    return result;
  }

  void clear() {
    auto guard = std::lock_guard{mutex_};
    events_.clear();
  }

  /// Nothing is under way any more.
  void check_laws() const {
    auto guard = std::lock_guard{mutex_};
    for (auto& x : events_) {
      REQUIRE_MESSAGE(has_its_keys(x), to_string(x));
      for (auto& [name, number] : x.measurements)
        REQUIRE_MESSAGE(number >= 0, to_string(x));
    }
    for (auto& [id, x] : calls_) {
      INFO("call " << id);
      REQUIRE(x.admitted + x.rejected == 1);
      REQUIRE(x.ended == x.admitted);
      REQUIRE(x.entered == x.left + x.timed_out);
      REQUIRE(x.timed_out <= 1);
      REQUIRE(x.dispatched == x.left_for_worker);
      REQUIRE(x.came_back <= x.dispatched);
      REQUIRE(!x.disorder);
    }
    REQUIRE(spawned_ == exited_);
    for (auto& [worker, n] : spawned_)
      REQUIRE_MESSAGE(n == 1, worker);
    for (auto& [worker, n] : judged_)
      REQUIRE_MESSAGE(n == 1, worker);
  }

private:
  struct account {
    int rejected = 0;
    int admitted = 0;
    int came_back = 0;
    int entered = 0;
    int left = 0;
    int left_for_worker = 0;
    int timed_out = 0;
    int dispatched = 0;
    int ended = 0;
    bool disorder = false;
  };

  static bool has_its_keys(const event& x) {
    auto same = [](auto& have, auto& want) {
      return have.size() == want.size()
             && std::ranges::all_of(want, [&](auto& key) { return have.contains(key.name); });
    };
    return same(x.measurements, row_of(x.kind).measurements)
           && same(x.metadata, row_of(x.kind).metadata);
  }

  static void book(account& to, const event& x) {
    using kind = event_kind;
    auto first = x.kind == kind::queue_rejected || x.kind == kind::queue_entered;
    to.disorder |= to.ended > 0 || (to.admitted == 0 && !first);
    switch (x.kind) {
    case kind::queue_rejected:
      ++to.rejected;
      break;
    case kind::queue_entered:
      to.disorder |= to.entered != to.left + to.timed_out;
      ++to.entered;
      ++(x.text("from") == "caller" ? to.admitted : to.came_back);
      break;
    case kind::queue_left:
      ++to.left;
      to.left_for_worker += x.text("to") == "worker";
      break;
    case kind::queue_timed_out:
      ++to.timed_out;
      break;
    case kind::call_dispatched:
      ++to.dispatched;
      break;
    case kind::call_finished:
    case kind::call_cancelled:
      ++to.ended;
      break;
    default:
      break;
    }
  }

  mutable std::mutex mutex_;
  std::vector<event> events_;
  std::map<std::string, account> calls_;
  std::map<std::string, int> spawned_;
  std::map<std::string, int> exited_;
  std::map<std::string, int> judged_; // ready, or failed to be
};

} // namespace snakepit::test
