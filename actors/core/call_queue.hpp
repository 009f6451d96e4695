#pragma once

#include "actors/core/fair_line.hpp"

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
/// A call may be set apart to wait for one slot only; it is never the front then and keeps nobody
/// waiting.
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

  /// How many wait for one slot only.
  size_t apart() const noexcept {
    return apart_;
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
  using lines = std::array<fair_line, 3>; // by priority

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
  std::map<uint32_t, lines> lines_apart_; // by slot; those with calls
  size_t apart_ = 0;
  // Calls with a queue_deadline are in the chain, earliest first, if it takes them at one of its
  // ends, else in the heap.
  call* chain_first_ = nullptr;
  call* chain_last_ = nullptr;
  std::vector<call*> heap_;
};

} // namespace snakepit::core
