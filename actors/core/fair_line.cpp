#include "actors/core/fair_line.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

/// How many tenants without calls are remembered for what they owe.
constexpr size_t most_debtors = 1024;
/// Calls of no foreseen length take turns, too.
constexpr auto least_worth = std::chrono::nanoseconds{1};

} // namespace

fair_line::tenant& fair_line::tenant_of(const call& x) {
  auto& name = x.group->options.tenant;
  return name.empty() ? nameless_ : named_[name];
}

void fair_line::push_back(call* x) {
  insert(tenant_of(*x), x, nullptr);
}

void fair_line::put_back(call* x) {
  auto& to = tenant_of(*x);
  if (!to.last || to.last->id < x->id)
    return insert(to, x, nullptr);
  auto* before = to.first;
  while (before && before->id < x->id)
    before = before->next;
  insert(to, x, before);
}

void fair_line::insert(tenant& to, call* x, call* before) {
  x->next = before;
  x->previous = before ? before->previous : to.last;
  (x->previous ? x->previous->next : to.first) = x;
  (x->next ? x->next->previous : to.last) = x;
  worth_ += x->worth;
  if (x->next || x->previous)
    return;
  to.given = std::max(to.given, served_);
  to.turn = ++turn_;
  waiting_.insert(&to);
}

void fair_line::remove(call* x) {
  auto& from = tenant_of(*x);
  if (!x->next && !x->previous)
    waiting_.erase(&from);
  (x->previous ? x->previous->next : from.first) = x->next;
  (x->next ? x->next->previous : from.last) = x->previous;
  x->previous = x->next = nullptr;
  worth_ -= x->worth;
  forget_some();
}

void fair_line::serve(duration worth) {
  auto& from = **waiting_.begin();
  served_ = from.given;
  waiting_.erase(waiting_.begin());
  give(from, worth);
  auto* x = from.first;
  from.first = x->next;
  (x->next ? x->next->previous : from.last) = nullptr;
  x->next = nullptr;
  worth_ -= x->worth;
  if (from.first)
    waiting_.insert(&from);
  forget_some();
}

void fair_line::give(tenant& x, duration worth) {
  x.given += std::max(worth, least_worth);
  x.turn = ++turn_;
  most_given_ = std::max(most_given_, x.given);
}

bool fair_line::precedes(const call& x) const {
  if (waiting_.empty())
    return true;
  auto& first = **waiting_.begin();
  auto& name = x.group->options.tenant;
  auto i = named_.find(name);
  auto* its = name.empty() ? &nameless_ : i == named_.end() ? nullptr : &i->second;
  if (its == &first)
    return x.id < first.first->id;
  auto given = its ? std::max(its->given, served_) : served_;
  return given != first.given ? given < first.given : !its || its->turn < first.turn;
}

void fair_line::charge(const call& x, duration worth) {
  auto& its = tenant_of(x);
  auto waits = its.first != nullptr;
  if (waits)
    waiting_.erase(&its);
  its.given = std::max(its.given, served_);
  give(its, worth);
  if (waits)
    waiting_.insert(&its);
  forget_some();
}

void fair_line::forget_some() {
  if (waiting_.empty())
    served_ = most_given_; // nobody waits: nobody owes anybody anything
  if (named_.empty() || (!waiting_.empty() && named_.size() < 2 * waiting_.size() + most_debtors))
    return;
  std::erase_if(named_, [](const auto& x) { return x.second.first == nullptr; });
}

} // namespace snakepit::core
