#include "actors/core/call_queue.hpp"

namespace snakepit::core {

call_queue::~call_queue() {
  clear();
}

void call_queue::push_back(call_ptr x) {
  lines_[level(*x)].push_back(x.get());
  enter(x.release());
}

void call_queue::push_front(std::vector<call_ptr> xs) {
  // The last first: each finds its place at the front.
  for (auto x = xs.rbegin(); x != xs.rend(); ++x) {
    lines_[level(**x)].put_back(x->get());
    enter(x->release());
  }
}

size_t call_queue::first_line(const lines& of) const noexcept {
  auto best = size_t{0};
  auto best_time = never;
  for (size_t i = 0; i < of.size(); ++i) {
    auto* x = of[i].front();
    if (!x)
      continue;
    auto time = counts_from(*x);
    if (time >= best_time)
      continue;
    best = i;
    best_time = time;
  }
  return best;
}

const call* call_queue::front() const noexcept {
  return lines_[first_line(lines_)].front();
}

call_ptr call_queue::pop_front(duration worth) {
  auto& line = lines_[first_line(lines_)];
  auto* x = line.front();
  line.serve(worth);
  return leave(x);
}

call_ptr call_queue::remove(call* x) {
  lines_of(*x)[level(*x)].remove(x);
  if (x->waits_for != call::for_any)
    leave_apart(x);
  return leave(x);
}

// -- calls that wait for one slot -------------------------------------------------

call_queue::lines& call_queue::lines_of(const call& x) {
  return x.waits_for == call::for_any ? lines_ : lines_apart_.at(x.waits_for);
}

void call_queue::set_apart(uint32_t slot) {
  auto i = first_line(lines_);
  auto* x = lines_[i].front();
  lines_[i].remove(x);
  lines_apart_[slot][i].put_back(x);
  x->waits_for = slot;
  ++apart_;
}

void call_queue::rejoin(uint32_t slot) {
  auto its = lines_apart_.find(slot);
  if (its == lines_apart_.end())
    return;
  auto xs = std::vector<call*>{};
  for (auto& line : its->second)
    while (auto* x = line.front()) {
      line.remove(x);
      x->waits_for = call::for_any;
      xs.push_back(x);
    }
  lines_apart_.erase(its);
  apart_ -= xs.size();
  // The last first: each finds its place at the front.
  std::ranges::sort(xs, [](auto* a, auto* b) { return a->id > b->id; });
  for (auto* x : xs)
    lines_[level(*x)].put_back(x);
}

const call* call_queue::front_of(uint32_t slot) const noexcept {
  auto i = lines_apart_.find(slot);
  return i == lines_apart_.end() ? nullptr : i->second[first_line(i->second)].front();
}

bool call_queue::is_fronts_turn(uint32_t slot) const noexcept {
  auto* any = front();
  auto* its = front_of(slot);
  if (!any || level(*any) != level(*its))
    return any && counts_from(*any) < counts_from(*its);
  return !lines_[level(*any)].precedes(*its);
}

call_ptr call_queue::pop_front_of(uint32_t slot, duration worth) {
  auto& its = lines_apart_.at(slot);
  auto i = first_line(its);
  auto* x = its[i].front();
  its[i].serve(worth);
  lines_[i].charge(*x, worth);
  leave_apart(x);
  return leave(x);
}

void call_queue::leave_apart(call* x) {
  auto key = std::exchange(x->waits_for, call::for_any);
  auto i = lines_apart_.find(key);
  --apart_;
  if (key & group_bit)
    groups_.remove(key, x->held_until, x->queued_bytes);
  if (std::ranges::all_of(i->second, [](auto& line) { return !line.front(); }))
    lines_apart_.erase(i);
}

call_queue::duration call_queue::worth_before(priority x) const noexcept {
  auto result = duration{0};
  for (size_t i = 0; i <= static_cast<size_t>(x); ++i)
    result += lines_[i].worth();
  if (!groups_.empty())
    for (auto its = lines_apart_.lower_bound(group_bit); its != lines_apart_.end(); ++its)
      for (size_t i = 0; i <= static_cast<size_t>(x); ++i)
        result += its->second[i].worth();
  return result;
}

// -- calls that wait for others to run with -----------------------------------------

void call_queue::gather(call_ptr x, size_t most_calls, time_point until, bool before_others) {
  auto key = group_key(*x);
  auto& line = lines_apart_[key][level(*x)];
  if (before_others)
    line.put_back(x.get());
  else
    line.push_back(x.get());
  x->waits_for = key;
  x->held_until = until;
  ++apart_;
  auto* its = x.release();
  enter(its);
  groups_.add(key, most_calls, until, its->queued_bytes, its->admitted);
}

void call_queue::ungather(uint32_t key) {
  auto& its = lines_apart_.at(key);
  auto i = first_line(its);
  auto* x = its[i].front();
  its[i].remove(x);
  leave_apart(x);
  lines_[i].put_back(x);
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
  while (has_front())
    result.push_back(pop_front());
  while (!lines_apart_.empty())
    result.push_back(pop_front_of(lines_apart_.begin()->first, duration{0}));
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
