#pragma once

#include "actors/core/call_end.hpp"

#include <snakepit/config.hpp>

#include <optional>
#include <vector>

namespace snakepit::core {

/// Whether calls of one kind may begin.
///
///            failures in a row            reset is over
///   closed -------------------->  open  ---------------->  half open
///     ^                             ^    a trial fails         |
///     |                             +--------------------------+
///     +--------------------------------------------------------+ all trials succeed
///
/// Half open it lets so many calls through as a trial. One that ends in a way that says nothing
/// gives its place back; one that has not ended when `reset` is over once more leaves it to another
/// one, but its end still counts.
class circuit {
public:
  enum class state : uint8_t { closed, half_open, open };
  enum class effect : uint8_t { none, good, bad };

  explicit circuit(const breaker_config& rules) : rules_{&rules} {}

  /// An open one whose reset is over is half open, whether a call has come since or not.
  state now_at(time_point now) const noexcept {
    return state_ == state::open && now >= until() ? state::half_open : state_;
  }
  /// As the last call or end has left it.
  state as_left() const noexcept {
    return state_;
  }

  /// Until when this call is refused; nothing: it may begin.
  std::optional<time_point> refuses(uint64_t id, time_point now) const;

  /// A call that is not refused begins. Returns whether it is a trial; asked again the same.
  bool admit(uint64_t id, time_point now);

  /// Calls have ended; `trial` is the number of a trial. Ends of calls that began before the
  /// circuit opened count no more.
  void note(effect x, uint32_t count, uint64_t trial, time_point now);

  /// Failures in a row: now, or those that opened it.
  size_t failures() const noexcept {
    return row_;
  }
  /// When it opened last after having been closed.
  time_point opened() const noexcept {
    return opened_;
  }
  /// Whether it was not closed ever.
  bool ever_opened() const noexcept {
    return opened_ != time_point{};
  }
  time_point until() const noexcept {
    return later(refused_since_, rules_->reset);
  }

private:
  struct trial {
    uint64_t id;
    time_point since;
  };
  bool is_fresh(const trial& x, time_point now) const {
    return now < later(x.since, rules_->reset);
  }
  bool is_trial(uint64_t id) const;
  size_t places_taken(time_point now) const;
  void open(time_point now);

  const breaker_config* rules_;
  state state_ = state::closed;
  size_t row_ = 0;
  time_point opened_{};
  time_point refused_since_{};
  std::vector<trial> trials_; // that have not ended, oldest first
  size_t passed_ = 0;         // trials that succeeded
};

/// The circuits of a pool and of each of its tools. The pool's counts workers that were lost with
/// calls; whatever else came back from a worker shows that it lives. A tool's counts those, its
/// exceptions, and its calls that ran beyond their deadline. What callers did wrong, or gave up,
/// and what never ran counts neither way.
///
/// One thread at a time; the caller passes the time in.
class breaker {
public:
  /// Stands for the pool where a tool's number is told.
  static constexpr uint32_t whole_pool = call::unresolved;

  explicit breaker(const breaker_config& rules) : rules_{rules}, pool_{rules_} {}
  breaker(const breaker&) = delete;
  breaker& operator=(const breaker&) = delete;

  /// Whether no call has to be looked at.
  bool all_closed() const noexcept {
    return not_closed_ == 0;
  }

  struct refusal {
    uint32_t tool = whole_pool; ///< whose circuit
    circuit::state state = circuit::state::open;
    size_t failures = 0;
    duration left{0};
  };
  /// Why the call may not begin now: by the circuit that is longer so.
  std::optional<refusal> refuses(const call& x, time_point now) const;

  /// A call that is not refused begins, or is queued for that; it may be a trial from now on.
  void admit(call& x, time_point now);

  /// Calls have ended, those of each tool in their order.
  void note(const std::vector<call_end>& ends, time_point now);

  /// The same of calls that were lost with one worker: to each circuit that is one failure, not as
  /// many as calls ran in it.
  void note_loss(const std::vector<call_end>& ends, time_point now);

  /// What has changed since this was asked last, in its order.
  struct news {
    uint32_t tool = whole_pool;
    circuit::state now = circuit::state::closed;
    size_t failures = 0;
    duration open_for{0}; ///< since it opened
  };
  std::vector<news> take_news() {
    return std::exchange(news_, {});
  }

  /// The pool's circuit, and those of tools that were open ever.
  struct entry {
    uint32_t tool = whole_pool;
    circuit::state state = circuit::state::closed;
    size_t failures = 0;
    duration left{0}; ///< until a trial, while it is open
  };
  std::vector<entry> list(time_point now) const;

private:
  const circuit* find(uint32_t tool) const {
    return tool < tools_.size() ? &tools_[tool] : nullptr;
  }
  template <class F>
  bool change(uint32_t tool, circuit& x, time_point now, F f);
  void note_pool(const call_end& x, uint32_t count, time_point now);
  void note_tool(const call_end& x, uint32_t count, time_point now);

  breaker_config rules_;
  circuit pool_;
  std::vector<circuit> tools_; // by number; up to the last that has failed
  size_t not_closed_ = 0;
  std::vector<news> news_;
};

/// How an answered call counts.
call_end::way way_of(const outcome& x);

/// How a call that was lost with its worker counts: those of workers that we ended for another
/// call's sake, or to replace them, say nothing.
call_end::way way_of_loss(const error& x);

} // namespace snakepit::core
