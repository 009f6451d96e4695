#pragma once

#include "actors/core/call.hpp"

#include <map>
#include <set>
#include <string>

namespace snakepit::core {

/// Calls of one priority that wait. Those of one tenant go in the order in which they came; the
/// tenants share what is served: next is the one that has been given the least time so far. A
/// tenant that had nothing waiting has saved nothing up meanwhile, but owes what it was given
/// beyond the others. Calls without a tenant are those of one more, which has no name.
///
/// O(log tenants) per call. One thread at a time.
class fair_line {
public:
  using duration = std::chrono::nanoseconds;

  fair_line() = default;
  fair_line(const fair_line&) = delete;
  fair_line& operator=(const fair_line&) = delete;

  /// Puts a call behind those of its tenant.
  void push_back(call* x);

  /// Puts a call before those of its tenant that were made later.
  void put_back(call* x);

  /// The call to serve next; null if none waits.
  call* front() const noexcept {
    return waiting_.empty() ? nullptr : (*waiting_.begin())->first;
  }

  /// Takes a call out.
  void remove(call* x);

  /// Takes `front()` out; it is foreseen to take that long.
  void serve(duration worth);

  /// Whether a call that waits elsewhere would go before `front()` if it waited here.
  bool precedes(const call& x) const;

  /// A call that waited elsewhere is served; it is foreseen to take that long.
  void charge(const call& x, duration worth);

  /// Calls' `worth`, added.
  duration worth() const noexcept {
    return worth_;
  }

  /// How many tenants it remembers, for tests.
  size_t tenants() const noexcept {
    return named_.size();
  }

private:
  struct tenant {
    call* first = nullptr;
    call* last = nullptr;
    duration given{0}; // on a clock of its own: see `served_`
    uint64_t turn = 0; // when it was served last, or came
  };
  struct sooner {
    bool operator()(const tenant* x, const tenant* y) const noexcept {
      return x->given != y->given ? x->given < y->given : x->turn < y->turn;
    }
  };

  tenant& tenant_of(const call& x);
  void give(tenant& x, duration worth);
  void insert(tenant& to, call* x, call* before);
  void forget_some();

  tenant nameless_;
  std::map<std::string, tenant, std::less<>> named_;
  std::set<tenant*, sooner> waiting_; // those with calls
  duration served_{0};                // what the tenant had that was served last
  duration most_given_{0};
  uint64_t turn_ = 0;
  duration worth_{0};
};

} // namespace snakepit::core
