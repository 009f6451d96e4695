#include "actors/core/in_flight.hpp"

#include <algorithm>

namespace snakepit::core {

void in_flight::add(call_ptr x, bool joined) {
  auto group = x->group;
  auto id = x->id;
  auto tool = x->tool;
  entries_.push_back(entry{std::move(x), std::move(group), id, tool, joined});
  ++unfinished_;
}

in_flight::match in_flight::finish(uint64_t seq) {
  if (seq < base_ || seq >= next_seq())
    return {};
  auto& x = entries_[seq - base_];
  if (x.finished)
    return {};
  x.finished = true;
  --unfinished_;
  auto kind = x.call ? match::call_waits : match::late;
  auto result = match{kind, std::move(x.call), x.tool, x.joined};
  abandoned_ -= result.kind == match::late;
  forget_finished();
  return result;
}

in_flight::taken in_flight::take_above(uint64_t floor) {
  auto result = taken{};
  for (auto seq = std::max(floor + 1, base_); seq < next_seq(); ++seq) {
    auto& x = entries_[seq - base_];
    if (x.finished)
      continue;
    x.finished = true;
    ++result.numbers;
    if (x.call)
      result.calls.push_back(std::move(x.call));
    else
      --abandoned_;
  }
  unfinished_ -= result.numbers;
  forget_finished();
  return result;
}

void in_flight::forget_finished() {
  while (!entries_.empty() && entries_.front().finished) {
    entries_.pop_front();
    ++base_;
  }
}

const call* in_flight::waiting(uint64_t seq) const {
  auto* x = find(seq);
  return x ? x->call.get() : nullptr;
}

std::vector<call_ptr> in_flight::expire(time_point now) {
  auto result = std::vector<call_ptr>{};
  expire(now, [&](uint64_t, call_ptr x) { result.push_back(std::move(x)); });
  return result;
}

void in_flight::expire(time_point now, const std::function<void(uint64_t, call_ptr)>& f) {
  for (size_t i = 0; i < entries_.size(); ++i) {
    auto& call = entries_[i].call;
    if (!call || call->deadline > now)
      continue;
    ++abandoned_;
    f(base_ + i, std::move(call));
  }
}

call_ptr in_flight::withdraw(const call_ticket* ticket) {
  for (auto& x : entries_)
    if (ticket && x.call && x.call->ticket.get() == ticket) {
      ++abandoned_;
      x.cancelled = true;
      return std::move(x.call);
    }
  return nullptr;
}

uint64_t in_flight::find_ticket(const call_ticket* ticket) const {
  for (size_t i = 0; i < entries_.size(); ++i)
    if (ticket && entries_[i].call && entries_[i].call->ticket.get() == ticket)
      return base_ + i;
  return 0;
}

bool in_flight::is_abandoned(uint64_t seq) const {
  auto* x = find(seq);
  return x && !x->finished && !x->call;
}

bool in_flight::are_abandoned(uint64_t done, uint64_t claimed) const {
  if (claimed >= next_seq() || done >= claimed)
    return false;
  auto any = false;
  for (auto seq = std::max(done + 1, base_); seq <= claimed; ++seq) {
    auto& x = entries_[seq - base_];
    if (x.call)
      return false;
    any |= !x.finished;
  }
  return any;
}

bool in_flight::has_waiting(uint64_t done, uint64_t claimed) const {
  auto first = done < claimed ? done + 1 : claimed;
  for (auto seq = std::max(first, base_); seq <= claimed && seq < next_seq(); ++seq) {
    auto& x = entries_[seq - base_];
    if (x.call && x.group)
      return true;
  }
  return false;
}

bool in_flight::has_abandoned_above(uint64_t floor) const {
  auto seq = base_;
  return abandoned_ > 0 && std::ranges::any_of(entries_, [&](auto& x) {
           return seq++ > floor && !x.finished && !x.call;
         });
}

bool in_flight::was_cancelled(uint64_t seq) const {
  auto* x = find(seq);
  return x && x->cancelled;
}

std::string in_flight::tool_of(uint64_t seq) const {
  auto* x = find(seq);
  return x && x->group ? x->group->tool : std::string{};
}

time_point in_flight::next_deadline() const {
  auto result = never;
  for (auto& x : entries_)
    if (x.call)
      result = std::min(result, x.call->deadline);
  return result;
}

in_flight::settlement in_flight::settle(uint64_t claimed, uint64_t done) {
  auto result = settlement{};
  if (claimed >= next_seq())
    claimed = done = UINT64_MAX; // what was never sent did not run: such a page says nothing
  for (; !entries_.empty(); ++base_, entries_.pop_front()) {
    auto seq = base_;
    auto& x = entries_.front();
    if (x.finished)
      continue;
    auto runs = seq > done && seq <= claimed;
    result.ran += runs;
    if (seq == claimed && runs) {
      result.running_tool = x.group ? x.group->tool : std::string{};
      result.running_id = x.id;
      result.running = std::move(x.call);
    } else if (!x.call) {
      continue;
    } else if (runs) {
      result.beside.push_back(std::move(x.call));
    } else if (seq <= done) {
      result.ended.push_back(std::move(x.call));
    } else {
      result.not_started.push_back(std::move(x.call));
    }
  }
  unfinished_ = abandoned_ = 0;
  return result;
}

const in_flight::entry* in_flight::find(uint64_t seq) const {
  return seq >= base_ && seq < next_seq() ? &entries_[seq - base_] : nullptr;
}

} // namespace snakepit::core
