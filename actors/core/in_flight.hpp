#pragma once

#include "actors/core/call.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <vector>

namespace snakepit::core {

/// The calls that one lane of a worker has been given and not finished, by their sequence numbers.
/// A call that was answered before its final came (its deadline passed, it was cancelled) leaves
/// its number behind: the final that still comes is late.
///
/// Calls that run as one group begin and end together: the numbers above what is done, up to what
/// was claimed last, run.
///
/// One thread at a time.
class in_flight {
public:
  in_flight() = default;
  in_flight(in_flight&&) noexcept = default;
  in_flight& operator=(in_flight&&) noexcept = default;

  /// Number of the next call.
  uint64_t next_seq() const noexcept {
    return base_ + entries_.size();
  }

  /// Gives a call the next number. `joined`: it runs as one with the call before it.
  void add(call_ptr x, bool joined = false);

  /// What a final is for.
  struct match {
    enum { call_waits, late, unknown } kind = unknown;
    call_ptr call;     // set if the call waits
    uint32_t tool = 0; // set unless unknown
    bool joined = false;
  };
  /// Takes the call of a final out. `unknown` if this number is not in flight.
  match finish(uint64_t seq);

  /// Takes out, leaving their numbers, the calls whose deadline has passed.
  std::vector<call_ptr> expire(time_point now);

  /// The same; each is given to `f` with its number.
  void expire(time_point now, const std::function<void(uint64_t, call_ptr)>& f);

  /// Takes out, leaving its number, the call that has this ticket, if it is here.
  call_ptr withdraw(const call_ticket* ticket);

  /// Ends the numbers above `floor`, which will never be begun.
  struct taken {
    std::vector<call_ptr> calls; // those that wait, in their order
    size_t numbers = 0;          // that were unfinished
  };
  taken take_above(uint64_t floor);

  /// Whether numbers above `floor`, none of which was begun, are unfinished.
  bool has_above(uint64_t floor) const noexcept {
    return next_seq() > floor + 1 && !entries_.empty() && !entries_.back().finished;
  }

  /// What the unfinished call of this number is; null if there is none, or nobody waits for it.
  const call* waiting(uint64_t seq) const;

  /// The number of the waiting call that has this ticket; 0: it is not here.
  uint64_t find_ticket(const call_ticket* ticket) const;

  /// Whether the number is unfinished and nobody waits for it any more.
  bool is_abandoned(uint64_t seq) const;

  /// Whether numbers above `done` up to `claimed` are unfinished, and nobody waits for any of them.
  bool are_abandoned(uint64_t done, uint64_t claimed) const;

  /// Whether somebody waits for a number above `done` up to `claimed`, or for `claimed`; probes do
  /// not count.
  bool has_waiting(uint64_t done, uint64_t claimed) const;

  /// Whether the abandoned number's caller gave it up; else its deadline passed.
  bool was_cancelled(uint64_t seq) const;

  /// Whether a number above `floor` is unfinished with nobody waiting. O(n) if any is at all.
  bool has_abandoned_above(uint64_t floor) const;

  /// Whether any number is unfinished with nobody waiting.
  bool has_abandoned() const noexcept {
    return abandoned_ > 0;
  }

  /// Whether the number is unfinished and no caller's.
  bool is_probe(uint64_t seq) const {
    auto* x = find(seq);
    return x && !x->finished && !x->group;
  }

  /// The name of the tool that runs under this number; empty if unknown.
  std::string tool_of(uint64_t seq) const;

  /// Earliest deadline of the calls that wait; O(n).
  time_point next_deadline() const;

  /// Numbers that are unfinished.
  size_t unfinished() const noexcept {
    return unfinished_;
  }

  /// What becomes of the calls of a dead worker, by what the lane page says.
  struct settlement {
    std::vector<call_ptr> ended;       // their runs ended, their finals were lost
    call_ptr running;                  // claimed and not done
    std::vector<call_ptr> beside;      // that ran as one with it
    size_t ran = 0;                    // numbers that did, its own included
    std::string running_tool;          // also if nobody waits for that call any more
    uint64_t running_id = 0;           // the same
    std::vector<call_ptr> not_started; // in their order
  };
  settlement settle(uint64_t claimed, uint64_t done);

private:
  struct entry {
    call_ptr call; // null: answered already
    std::shared_ptr<const call_group> group;
    uint64_t id = 0;
    uint32_t tool = 0;
    bool joined = false;
    bool finished = false;
    bool cancelled = false;
  };

  const entry* find(uint64_t seq) const;
  void forget_finished();

  std::deque<entry> entries_; // entry i has the number base_ + i
  uint64_t base_ = 1;
  size_t unfinished_ = 0;
  size_t abandoned_ = 0;
};

} // namespace snakepit::core
