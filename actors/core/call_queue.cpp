#include "actors/core/call_queue.hpp"

namespace snakepit::core {

call_queue::~call_queue() {
  while (!empty())
    pop_front();
}

void call_queue::push_back(call_ptr x) {
  line_of(*x).push_back(x.get());
  enter(x.release());
}

void call_queue::push_front(std::vector<call_ptr> xs) {
  // The last first: each finds its place at the front.
  for (auto x = xs.rbegin(); x != xs.rend(); ++x) {
    line_of(**x).put_back(x->get());
    enter(x->release());
  }
}

size_t call_queue::first_line() const noexcept {
  auto best = size_t{0};
  auto best_time = never;
  for (size_t i = 0; i < lines_.size(); ++i) {
    auto* x = lines_[i].front();
    if (!x)
      continue;
    auto time = later(x->admitted, static_cast<int64_t>(i) * ageing_);
    if (time >= best_time)
      continue;
    best = i;
    best_time = time;
  }
  return best;
}

const call* call_queue::front() const noexcept {
  return lines_[first_line()].front();
}

call_ptr call_queue::pop_front(duration worth) {
  auto& line = lines_[first_line()];
  auto* x = line.front();
  line.serve(worth);
  return leave(x);
}

call_ptr call_queue::remove(call* x) {
  line_of(*x).remove(x);
  return leave(x);
}

call_queue::duration call_queue::worth_before(priority x) const noexcept {
  auto result = duration{0};
  for (size_t i = 0; i <= static_cast<size_t>(x); ++i)
    result += lines_[i].worth();
  return result;
}

void call_queue::enter(call* x) {
  note_deadline(x);
  ++size_;
  x->queued_bytes = x->bytes();
  bytes_ += x->queued_bytes;
  if (x->ticket)
    x->ticket->queued = x;
}

call_ptr call_queue::leave(call* x) {
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
  while (!empty())
    result.push_back(pop_front());
  return result;
}

time_point call_queue::next_deadline() const noexcept {
  auto* x = soonest();
  return x ? x->queue_deadline : never;
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
