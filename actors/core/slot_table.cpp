#include "actors/core/slot_table.hpp"

#include <algorithm>

namespace snakepit::core {

slot_table::slot_table(size_t slots, start_config start, restart_config restart)
  : slots_(slots), start_{start}, restart_{std::move(restart)} {}

std::vector<slot_table::order> slot_table::due(time_point now) {
  auto result = std::vector<order>{};
  if (stopped_ || now < next_batch_)
    return result;
  // With a pause between batches a batch is over when all of its starts are.
  if (start_.batch_delay > duration{0} && starting_ > 0)
    return result;
  auto most = failed_ ? size_t{1} : start_.batch_size;
  for (uint32_t i = 0; i < slots_.size() && starting_ < most; ++i) {
    auto& x = slots_[i];
    if (x.now != state::waiting || now < x.not_before)
      continue;
    x.now = state::starting;
    ++starting_;
    result.push_back({i, ++x.generation});
  }
  return result;
}

time_point slot_table::next_due() const {
  if (stopped_ || waiting() == 0)
    return never;
  auto blocked = start_.batch_delay > duration{0} && starting_ > 0;
  if (blocked || starting_ >= (failed_ ? size_t{1} : start_.batch_size))
    return never;
  auto first = never;
  for (auto& x : slots_)
    if (x.now == state::waiting)
      first = std::min(first, x.not_before);
  return std::max(first, next_batch_);
}

void slot_table::on_ready(uint32_t index, uint32_t generation, time_point now) {
  auto* x = find(index, generation, state::starting);
  if (!x)
    return;
  x->now = state::ready;
  ++ready_;
  failures_ = unserved_ = 0;
  if (failed_) {
    failed_ = false;
    next_batch_ = now;
  }
  start_ended(now);
}

void slot_table::on_start_failed(uint32_t index, uint32_t generation, bool for_good, time_point now,
                                 bool shortage) {
  auto* x = find(index, generation, state::starting);
  if (!x)
    return;
  x->now = state::waiting;
  set_back(*x, now);
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
  auto* x = find(index, generation, state::starting);
  if (!x)
    return;
  x->now = state::waiting;
  start_ended(now);
}

void slot_table::on_exit(uint32_t index, uint32_t generation, time_point now) {
  auto* x = find(index, generation, state::ready);
  if (!x)
    return;
  x->now = state::waiting;
  --ready_;
  set_back(*x, now);
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

void slot_table::start_ended(time_point now) {
  --starting_;
  if (starting_ == 0 && start_.batch_delay > duration{0})
    next_batch_ = later(now, start_.batch_delay);
}

} // namespace snakepit::core
