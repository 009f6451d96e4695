#pragma once

#include "actors/core/call.hpp"

#include <snakepit/config.hpp>
#include <snakepit/poison.hpp>

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace snakepit::core {

/// Which calls have killed workers, told apart by tool and arguments. A call that has done so as
/// often as it may is poisoned: refused until its last death is forgotten.
///
/// Holds a thousand calls at most; of more the one that killed longest ago goes. Arguments are not
/// kept, only a number of 128 bits made from them.
///
/// One thread at a time.
class poison_table {
public:
  explicit poison_table(const poison_config& rules) : rules_{rules} {}

  /// Whether nothing has to be asked of calls that come.
  bool empty() const noexcept {
    return entries_.empty();
  }

  /// The call was all that ran in a worker that died and that we did not end. Returns whether it is
  /// poisoned.
  bool note(const call& x, const std::string& cause, time_point now);

  /// Since when and until when, and why, calls like this one are refused; null if they are not.
  /// Valid until the next change.
  struct entry {
    std::string tool;
    std::string cause; ///< of the last death
    size_t deaths = 0;
    time_point last{};
  };
  const entry* find(const call& x, time_point now);

  /// Until when calls of this entry are refused.
  time_point until(const entry& x) const {
    return later(x.last, rules_.ttl);
  }

  /// Those that are refused now, the latest first.
  std::vector<poisoned_call> list(time_point now);

  /// Forgets all; returns how many were refused.
  size_t clear(time_point now);

private:
  struct key {
    uint64_t high = 0;
    uint64_t low = 0;
    friend auto operator<=>(const key&, const key&) = default;
  };
  static key key_of(const call& x);
  bool is_poisoned(const entry& x) const noexcept {
    return x.deaths >= rules_.crashes;
  }
  void forget_old(time_point now);

  poison_config rules_;
  std::map<key, entry> entries_;
};

} // namespace snakepit::core
