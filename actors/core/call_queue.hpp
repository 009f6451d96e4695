#pragma once

#include "actors/core/fair_line.hpp"
#include "actors/core/gathering.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace snakepit::core {

/// The one place where calls wait, bounded by number and bytes, each until its time to wait is
/// over. Served next is of the first calls of the three priorities the one that came first, where a
/// normal one counts as if it had come `ageing` later than it has and a low one twice that: so
/// higher ones go first, but nobody waits for ever. Within a priority see `fair_line`.
///
/// A call may be set apart to wait for one slot only, or for others of its kind; it is never the
/// front then and keeps nobody waiting.
///
/// O(1) per call that waits longer than those before it, as calls with equal limits do, but for
/// tenants; else O(log n).
///
/// One thread at a time.
class call_queue {
public:
  using duration = std::chrono::nanoseconds;

  call_queue(size_t max_calls, uint64_t max_bytes, duration ageing = std::chrono::seconds{2})
    : max_calls_{max_calls}, max_bytes_{max_bytes}, ageing_{ageing} {}
  call_queue(const call_queue&) = delete;
  call_queue& operator=(const call_queue&) = delete;
  ~call_queue();

  /// Whether one more call of that size fits.
  bool has_room(uint64_t bytes) const noexcept {
    return size_ < max_calls_ && bytes <= max_bytes_ - std::min(bytes_, max_bytes_);
  }

  /// Puts a call behind those of its tenant and priority, whether it fits or not.
  void push_back(call_ptr x);

  /// Puts calls that were taken out before back, before those that were made later. In their order.
  /// They count against the bounds, but are never refused.
  void push_front(std::vector<call_ptr> xs);

  /// The call to serve next; null if none waits for any slot.
  const call* front() const noexcept;
  bool has_front() const noexcept {
    return size_ > apart_;
  }

  /// Takes the front out, which is foreseen to take that long. Not without a front.
  call_ptr pop_front(duration worth = duration{0});

  // -- calls that wait for one slot --

  /// From now on the front waits for this slot only. Not without a front.
  void set_apart(uint32_t slot);

  /// What waits for this slot only waits for any from now on, before what was made later.
  void rejoin(uint32_t slot);

  /// Of those that wait for this slot only the one to serve next; null if none.
  const call* front_of(uint32_t slot) const noexcept;

  /// Whether room of this slot is the front's, not `front_of(slot)`'s, of which there is one.
  bool is_fronts_turn(uint32_t slot) const noexcept;

  /// Takes `front_of(slot)` out, which is foreseen to take that long.
  call_ptr pop_front_of(uint32_t slot, duration worth);

  /// How many wait for one slot only, or in groups.
  size_t apart() const noexcept {
    return apart_;
  }

  // -- calls that wait for others to run with: as those of a slot, whose number is the key --

  /// Names the calls that may run together with this one, whose tool is known.
  static uint32_t group_key(const call& x) noexcept {
    return group_bit | x.tool << 1 | (x.kind == payload_kind::raw ? 1 : 0);
  }

  /// Puts a call where those of its kind gather. `before_others`: it was taken out before, and goes
  /// before those that were made later.
  void gather(call_ptr x, size_t most_calls, time_point until, bool before_others = false);

  /// As many of the group as can run together have just left.
  void group_went(uint32_t key, time_point now) {
    groups_.went(key, now);
  }

  /// The first call of a group waits like any other from now on.
  void ungather(uint32_t key);

  const gathering& groups() const noexcept {
    return groups_;
  }

  /// From now on no group waits for more calls.
  void flush_groups() noexcept {
    groups_.flush();
  }

  /// The group to serve next of those that are to go; null if none is.
  const uint32_t* next_group(time_point now) const {
    return groups_.empty() ? nullptr : groups_.first_ready(now, [this](uint32_t a, uint32_t b) {
      return goes_before(a, b);
    });
  }

  /// Whether of two lines of calls set apart, neither of which is empty, the first is served first.
  bool goes_before(uint32_t a, uint32_t b) const noexcept {
    return counts_from(*front_of(a)) < counts_from(*front_of(b));
  }

  // --

  /// Takes out a call that is in the queue.
  call_ptr remove(call* x);

  /// Takes out the calls whose time to wait is over, in no order.
  std::vector<call_ptr> expire(time_point now);

  /// Takes out all, in the order in which they would be served.
  std::vector<call_ptr> clear();

  /// When `expire` has something to do, `never` if not.
  time_point next_deadline() const noexcept;

  size_t size() const noexcept {
    return size_;
  }
  bool empty() const noexcept {
    return size_ == 0;
  }
  uint64_t bytes() const noexcept {
    return bytes_;
  }

  /// What the calls would take, added, that are served before a new one of this priority unless
  /// they age: those of known length.
  duration worth_before(priority x) const noexcept;

private:
  using lines = std::array<fair_line, 3>;                  // by priority
  static constexpr uint32_t group_bit = uint32_t{1} << 31; // no slot has it

  static size_t level(const call& x) noexcept {
    return static_cast<size_t>(x.group->options.priority);
  }
  /// When it counts as if it had come.
  time_point counts_from(const call& x) const noexcept {
    return later(x.admitted, static_cast<int64_t>(level(x)) * ageing_);
  }
  size_t first_line(const lines& of) const noexcept;
  lines& lines_of(const call& x);
  void leave_apart(call* x);
  void enter(call* x);
  call_ptr leave(call* x);
  void note_deadline(call* x);
  void forget_deadline(call* x);
  bool chain(call* x);
  void unchain(call* x);
  call* soonest() const noexcept;
  void heap_add(call* x);
  void heap_remove(call* x);
  void place(call* x, size_t i);
  void sift_up(call* x, size_t i);
  void sift_down(call* x, size_t i);

  size_t max_calls_;
  uint64_t max_bytes_;
  size_t size_ = 0;
  uint64_t bytes_ = 0;
  duration ageing_;
  lines lines_;
  std::map<uint32_t, lines> lines_apart_; // by slot or group; those with calls
  size_t apart_ = 0;
  gathering groups_;
  // Calls with a queue_deadline are in the chain, earliest first, if it takes them at one of its
  // ends, else in the heap.
  call* chain_first_ = nullptr;
  call* chain_last_ = nullptr;
  std::vector<call*> heap_;
};

} // namespace snakepit::core
