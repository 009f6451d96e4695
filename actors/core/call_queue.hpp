#pragma once

#include "actors/core/fair_line.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace snakepit::core {

/// The one place where calls wait, bounded by number and bytes, each until its time to wait is
/// over. Served next is of the first calls of the three priorities the one that came first, where a
/// normal one counts as if it had come `ageing` later than it has and a low one twice that: so
/// higher ones go first, but nobody waits for ever. Within a priority see `fair_line`.
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

  /// The call to serve next; null if none.
  const call* front() const noexcept;

  /// Takes the front out, which is foreseen to take that long. Not on an empty queue.
  call_ptr pop_front(duration worth = duration{0});

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
  size_t first_line() const noexcept;
  fair_line& line_of(const call& x) noexcept {
    return lines_[static_cast<size_t>(x.group->options.priority)];
  }
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
  std::array<fair_line, 3> lines_; // by priority
  // Calls with a queue_deadline are in the chain, earliest first, if it takes them at one of its
  // ends, else in the heap.
  call* chain_first_ = nullptr;
  call* chain_last_ = nullptr;
  std::vector<call*> heap_;
};

} // namespace snakepit::core
