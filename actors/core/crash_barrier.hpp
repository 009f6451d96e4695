#pragma once

#include "actors/core/call.hpp"

#include <snakepit/config.hpp>

#include <string_view>
#include <vector>

namespace snakepit::core {

/// How a worker crashed: it ended by itself, or by somebody who is not us.
enum class crash : uint8_t {
  none,     ///< it did not: we ended it, its template died, or nobody knows
  segfault, ///< SIGSEGV or SIGBUS
  abort,    ///< SIGABRT
  oom,      ///< the kernel ended it for want of memory, surely or likely
  signal,   ///< any other signal
  exit      ///< it exited, with whatever code
};

crash crash_of(const death_certificate& x);

/// "segfault", "abort", "oom", "signal", "exit"; empty for none.
std::string_view to_string(crash x);

/// Which slots are tainted, since a worker of theirs has crashed: until the taint is over, or so
/// many calls have succeeded on the slot since.
///
/// One thread at a time; the caller passes the time in.
class crash_barrier {
public:
  explicit crash_barrier(const crash_barrier_config& rules = {}) : rules_{rules} {}

  /// Whether any slot is tainted.
  bool any() const noexcept {
    return count_ > 0;
  }
  crash tainted(uint32_t slot) const noexcept {
    return slot < slots_.size() ? slots_[slot].why : crash::none;
  }

  /// A worker of the slot has crashed. Returns whether the slot is tainted.
  bool taint(uint32_t slot, crash why, time_point now);

  /// Calls have succeeded on a worker that the slot has now. Returns whether that ends its taint.
  bool note_good(uint32_t slot, size_t calls);

  /// Ends the taints whose time is over; the slots.
  std::vector<uint32_t> take_due(time_point now);

  /// When `take_due` has something to do; `never` if not. O(slots) if any is tainted.
  time_point next_due() const noexcept;

private:
  struct slot {
    crash why = crash::none;
    size_t good = 0; // calls since
    time_point until{};
  };
  void clear(slot& x) {
    x = {};
    --count_;
  }

  crash_barrier_config rules_;
  std::vector<slot> slots_; // up to the last that was tainted
  size_t count_ = 0;
};

} // namespace snakepit::core
