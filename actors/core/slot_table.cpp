#include "actors/core/slot_table.hpp"

#include <algorithm>

namespace snakepit::core {

slot_table::slot_table(size_t slots, start_config start, restart_config restart,
                       size_t max_unavailable, uint32_t last)
  : wanted_{slots}, start_{start}, restart_{std::move(restart)}, max_unavailable_{max_unavailable},
    before_first_{last} {
  add_slots(slots);
}

void slot_table::add_slots(size_t wanted) {
  for (auto i = slots_.size(); i < wanted; ++i)
    slots_.emplace_back().last = before_first_;
}

std::vector<slot_table::order> slot_table::due(time_point now) {
  auto result = std::vector<order>{};
  if (now < next_batch_)
    return result;
  // With a pause between batches a batch is over when all of its starts are.
  if (start_.batch_delay > duration{0} && starting_ > 0)
    return result;
  auto most = failed_ ? size_t{1} : start_.batch_size;
  for (uint32_t i = 0; i < slots_.size() && starting_ < most; ++i) {
    auto& x = slots_[i];
    if (!may_start(x) || (x.now == state::waiting && now < x.not_before))
      continue;
    if (x.now == state::ready) {
      x.next = renewal::starting;
      ++successors_;
    } else {
      x.now = state::starting;
      x.generation = x.last + 1;
      set_owed(x, false);
    }
    ++starting_;
    result.push_back({i, ++x.last});
  }
  return result;
}

bool slot_table::may_start(const slot& x) const {
  if (x.now == state::ready)
    return x.next == renewal::wanted && max_unavailable_ == 0 && !stopped_;
  return x.now == state::waiting && (!stopped_ || (x.owed && ready_ + starting_ == 0));
}

std::vector<slot_table::order> slot_table::leavers(size_t unwell) {
  auto result = std::vector<order>{};
  auto able = ready_ - std::min(ready_, unwell);
  for (uint32_t i = 0; i < wanted_ && max_unavailable_ > 0 && !stopped_; ++i) {
    auto& x = slots_[i];
    if (x.now != state::ready || x.next != renewal::wanted)
      continue;
    if (able == 0 || able - 1 + max_unavailable_ < wanted_)
      break;
    x.now = state::leaving;
    x.next = renewal::none;
    set_owed(x, true);
    --ready_;
    --able;
    result.push_back({i, x.generation});
  }
  return result;
}

time_point slot_table::next_due() const {
  auto blocked = start_.batch_delay > duration{0} && starting_ > 0;
  if (blocked || starting_ >= (failed_ ? size_t{1} : start_.batch_size))
    return never;
  auto first = never;
  for (auto& x : slots_)
    if (may_start(x))
      first = std::min(first, x.now == state::waiting ? x.not_before : time_point{});
  return std::max(first, next_batch_);
}

void slot_table::on_ready(uint32_t index, uint32_t generation, time_point now) {
  if (auto* x = find_successor(index, generation)) {
    x->generation = generation;
    end_renewal(*x);
  } else if (auto* y = find(index, generation, state::starting)) {
    y->now = state::ready;
    y->next = renewal::none;
    ++ready_;
  } else {
    return;
  }
  failures_ = unserved_ = 0;
  if (failed_) {
    failed_ = false;
    next_batch_ = now;
  }
  start_ended(now);
}

void slot_table::on_start_failed(uint32_t index, uint32_t generation, bool for_good, time_point now,
                                 bool shortage) {
  if (auto* x = find_successor(index, generation)) {
    end_renewal(*x);
  } else if (auto* y = find(index, generation, state::starting)) {
    y->now = state::waiting;
    set_back(*y, now);
  } else {
    return;
  }
  auto count = [&](size_t n) {
    return for_good ? std::max(n + 1, restart_.start_failures) : n + 1;
  };
  start_ended(now);
  if (!shortage || starting_ == 0) {
    failures_ = count(failures_);
    // Those while others served are no reason to give up once these end.
    if (ready_ == 0)
      unserved_ = count(unserved_);
  }
  if (ready_ == 0 && unserved_ >= restart_.start_failures)
    failed_ = true;
  if (failed_)
    next_batch_ = later(now, restart_.retry_failed);
}

void slot_table::on_not_started(uint32_t index, uint32_t generation, time_point now) {
  if (auto* x = find_successor(index, generation))
    end_renewal(*x);
  else if (auto* y = find(index, generation, state::starting))
    y->now = state::waiting;
  else
    return;
  start_ended(now);
}

void slot_table::on_exit(uint32_t index, uint32_t generation, time_point now) {
  if (auto* left = find(index, generation, state::leaving)) {
    left->now = state::waiting;
    left->not_before = now;
    return;
  }
  auto* x = find(index, generation, state::ready);
  if (!x)
    return;
  --ready_;
  set_back(*x, now);
  x->now = state::waiting;
  if (x->next == renewal::starting) { // it is the slot's now
    x->now = state::starting;
    x->generation = x->last;
    --successors_;
  }
  x->next = renewal::none;
}

bool slot_table::renew(uint32_t index) {
  if (stopped_ || index >= slots_.size())
    return false;
  if (slots_[index].owed)
    return true; // is being done
  if (slots_[index].now != state::ready)
    return false;
  auto& next = slots_[index].next;
  next = std::max(next, renewal::wanted);
  return true;
}

void slot_table::grow(size_t slots, time_point now) {
  add_slots(slots);
  for (; wanted_ < slots; ++wanted_) {
    auto& x = slots_[wanted_];
    x.now = state::waiting;
    x.not_before = now;
    x.setbacks = 0;
  }
}

std::vector<slot_table::order> slot_table::shrink(size_t slots) {
  auto result = std::vector<order>{};
  for (; wanted_ > slots; --wanted_) {
    auto& x = slots_[wanted_ - 1];
    auto is_ready = x.now == state::ready && x.next == renewal::none;
    if (x.owed || (!is_ready && x.now != state::waiting))
      break;
    if (is_ready) {
      --ready_;
      result.push_back({static_cast<uint32_t>(wanted_ - 1), x.generation});
    }
    x.now = state::gone;
  }
  return result;
}

size_t slot_table::vacant() const noexcept {
  auto out = size_t{0};
  for (auto& x : slots_)
    out += x.now == state::waiting;
  return out;
}

std::optional<uint32_t> slot_table::hurry(time_point now) {
  auto next = std::optional<uint32_t>{};
  for (uint32_t i = 0; i < slots_.size() && !stopped_; ++i) {
    if (slots_[i].now != state::waiting)
      continue;
    // As `due` goes through them.
    if (slots_[i].not_before <= now) {
      next = i;
      break;
    }
    if (!next || slots_[i].not_before < slots_[*next].not_before)
      next = i;
  }
  if (next) {
    slots_[*next].not_before = std::min(slots_[*next].not_before, now);
    next_batch_ = std::min(next_batch_, now);
  }
  return next;
}

slot_table::slot* slot_table::find_successor(uint32_t index, uint32_t generation) {
  if (index >= slots_.size())
    return nullptr;
  auto& x = slots_[index];
  auto is = x.now == state::ready && x.next == renewal::starting && x.last == generation;
  return is ? &x : nullptr;
}

void slot_table::end_renewal(slot& x) {
  x.next = renewal::none;
  --successors_;
}

slot_table::slot* slot_table::find(uint32_t index, uint32_t generation, state wanted) {
  if (index >= slots_.size())
    return nullptr;
  auto& x = slots_[index];
  return x.generation == generation && x.now == wanted ? &x : nullptr;
}

void slot_table::set_back(slot& x, time_point now) {
  auto& pauses = restart_.backoff;
  auto i = std::min(x.setbacks++, pauses.empty() ? 0 : pauses.size() - 1);
  x.not_before = pauses.empty() ? now : later(now, pauses[i]);
}

void slot_table::set_owed(slot& x, bool owed) {
  owed_ += static_cast<size_t>(owed) - static_cast<size_t>(x.owed);
  x.owed = owed;
}

void slot_table::start_ended(time_point now) {
  --starting_;
  if (starting_ == 0 && start_.batch_delay > duration{0})
    next_batch_ = later(now, start_.batch_delay);
}

} // namespace snakepit::core
