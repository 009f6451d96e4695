#pragma once

#include "actors/core/call.hpp"

#include <snakepit/config.hpp>

#include <map>
#include <optional>
#include <vector>

namespace snakepit::core {

/// When an idempotent call that was lost for this reason is to run again; nothing: it is not. Not
/// if it has had all its runs, if that loss is none to run again after, or if its deadline comes
/// first.
std::optional<time_point> next_try(const retry_config& rules, const call& x, reason why,
                                   time_point now);

/// Calls that wait for their pause to be over, in the order in which it is.
///
/// One thread at a time.
class retry_line {
public:
  /// A call, and what it is answered with if it does not run again.
  struct entry {
    call_ptr call;
    error why;
  };

  void add(entry x, time_point due);

  /// Takes out those whose pause is over, each made to count as its next run.
  std::vector<call_ptr> take_due(time_point now);

  /// Takes out the call that has this ticket, if it is here. O(n).
  call_ptr withdraw(const call_ticket* ticket);

  /// Takes out all.
  std::vector<entry> clear();

  /// When `take_due` has something to do; `never` if not.
  time_point next_due() const noexcept {
    return line_.empty() ? never : line_.begin()->first;
  }
  size_t size() const noexcept {
    return line_.size();
  }

private:
  std::multimap<time_point, entry> line_;
};

} // namespace snakepit::core
