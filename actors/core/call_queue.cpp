#include "actors/core/call_queue.hpp"

namespace snakepit::core {

call_queue::~call_queue() {
  while (first_)
    pop_front();
}

void call_queue::push_back(call_ptr x) {
  insert(x.release(), nullptr);
}

void call_queue::push_front(std::vector<call_ptr> xs) {
  auto* before = first_;
  for (auto& x : xs) {
    while (before && before->id < x->id)
      before = before->next;
    insert(x.release(), before);
  }
}

call_ptr call_queue::pop_front() {
  return remove(first_);
}

call_ptr call_queue::remove(call* x) {
  (x->previous ? x->previous->next : first_) = x->next;
  (x->next ? x->next->previous : last_) = x->previous;
  x->previous = x->next = nullptr;
  forget_deadline(x);
  --size_;
  bytes_ -= x->queued_bytes;
  if (x->ticket)
    x->ticket->queued = nullptr;
  return call_ptr{x};
}

std::vector<call_ptr> call_queue::expire(time_point now) {
  auto result = std::vector<call_ptr>{};
  for (auto* x = soonest(); x && x->queue_deadline <= now; x = soonest())
    result.push_back(remove(x));
  return result;
}

std::vector<call_ptr> call_queue::clear() {
  auto result = std::vector<call_ptr>{};
  while (first_)
    result.push_back(pop_front());
  return result;
}

time_point call_queue::next_deadline() const noexcept {
  auto* x = soonest();
  return x ? x->queue_deadline : never;
}

void call_queue::insert(call* x, call* before) {
  x->next = before;
  x->previous = before ? before->previous : last_;
  (x->previous ? x->previous->next : first_) = x;
  (x->next ? x->next->previous : last_) = x;
  note_deadline(x);
  ++size_;
  x->queued_bytes = x->bytes();
  bytes_ += x->queued_bytes;
  if (x->ticket)
    x->ticket->queued = x;
}

// -- deadlines ----------------------------------------------------------------

void call_queue::note_deadline(call* x) {
  if (x->queue_deadline != never && !chain(x))
    heap_add(x);
}

void call_queue::forget_deadline(call* x) {
  if (x->heap_index == call::in_chain)
    unchain(x);
  else if (x->heap_index != call::not_in_heap)
    heap_remove(x);
}

call* call_queue::soonest() const noexcept {
  if (heap_.empty())
    return chain_first_;
  auto* x = heap_.front();
  return chain_first_ && chain_first_->queue_deadline <= x->queue_deadline ? chain_first_ : x;
}

bool call_queue::chain(call* x) {
  if (!chain_first_) {
    chain_first_ = chain_last_ = x;
  } else if (chain_last_->queue_deadline <= x->queue_deadline) {
    x->sooner = chain_last_;
    chain_last_ = chain_last_->later = x;
  } else if (x->queue_deadline <= chain_first_->queue_deadline) {
    x->later = chain_first_;
    chain_first_ = chain_first_->sooner = x;
  } else {
    return false;
  }
  x->heap_index = call::in_chain;
  return true;
}

void call_queue::unchain(call* x) {
  (x->sooner ? x->sooner->later : chain_first_) = x->later;
  (x->later ? x->later->sooner : chain_last_) = x->sooner;
  x->sooner = x->later = nullptr;
  x->heap_index = call::not_in_heap;
}

// -- heap ---------------------------------------------------------------------

void call_queue::heap_add(call* x) {
  heap_.push_back(x);
  sift_up(x, heap_.size() - 1);
}

void call_queue::heap_remove(call* x) {
  auto i = x->heap_index;
  x->heap_index = call::not_in_heap;
  auto* last = heap_.back();
  heap_.pop_back();
  if (last == x)
    return;
  place(last, i);
  sift_up(last, i);
  sift_down(last, last->heap_index);
}

void call_queue::place(call* x, size_t i) {
  heap_[i] = x;
  x->heap_index = i;
}

void call_queue::sift_up(call* x, size_t i) {
  while (i > 0) {
    auto parent = (i - 1) / 2;
    if (heap_[parent]->queue_deadline <= x->queue_deadline)
      break;
    place(heap_[parent], i);
    i = parent;
  }
  place(x, i);
}

void call_queue::sift_down(call* x, size_t i) {
  while (true) {
    auto child = 2 * i + 1;
    if (child >= heap_.size())
      break;
    if (child + 1 < heap_.size() && heap_[child + 1]->queue_deadline < heap_[child]->queue_deadline)
      ++child;
    if (x->queue_deadline <= heap_[child]->queue_deadline)
      break;
    place(heap_[child], i);
    i = child;
  }
  place(x, i);
}

} // namespace snakepit::core
