#pragma once

#include "actors/core/call.hpp"

#include <algorithm>
#include <vector>

namespace snakepit::core {

/// The one place where calls wait: in order of arrival, bounded by number and bytes, each until its
/// time to wait is over. O(1) per call that waits longer than those before it, as calls with equal
/// limits do; else O(log n).
///
/// One thread at a time.
class call_queue {
public:
  call_queue(size_t max_calls, uint64_t max_bytes) : max_calls_{max_calls}, max_bytes_{max_bytes} {}
  call_queue(const call_queue&) = delete;
  call_queue& operator=(const call_queue&) = delete;
  ~call_queue();

  /// Whether one more call of that size fits.
  bool has_room(uint64_t bytes) const noexcept {
    return size_ < max_calls_ && bytes <= max_bytes_ - std::min(bytes_, max_bytes_);
  }

  /// Puts a call at the end, whether it fits or not.
  void push_back(call_ptr x);

  /// Puts calls that were taken out before back to the front, before those that were made later.
  /// They count against the bounds, but are never refused.
  void push_front(std::vector<call_ptr> xs);

  /// The call that waits longest; null if none.
  const call* front() const noexcept {
    return first_;
  }

  /// Takes the front out. Not on an empty queue.
  call_ptr pop_front();

  /// Takes out a call that is in the queue.
  call_ptr remove(call* x);

  /// Takes out the calls whose time to wait is over, in no order.
  std::vector<call_ptr> expire(time_point now);

  /// Takes out all, in order.
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

private:
  void insert(call* x, call* before);
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
  call* first_ = nullptr;
  call* last_ = nullptr;
  // Calls with a queue_deadline are in the chain, earliest first, if it takes them at one of its
  // ends, else in the heap.
  call* chain_first_ = nullptr;
  call* chain_last_ = nullptr;
  std::vector<call*> heap_;
};

} // namespace snakepit::core
