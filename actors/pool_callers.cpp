#include "actors/pool.hpp"

#include <algorithm>

/// Calls that actors have made by a `request`: they end with whoever made them. Each such actor is
/// monitored once, as long as it has calls and for a while longer.

namespace snakepit {

namespace {

/// Whether only the list of its caller knows the ticket: its call has ended.
bool is_over(const std::shared_ptr<core::call_ticket>& x) {
  return x.use_count() == 1;
}

} // namespace

void pool_state::note_caller(core::call& x) {
  auto sender = self->current_sender();
  if (!sender)
    return;
  x.ticket = std::make_shared<core::call_ticket>();
  x.ticket->id = x.id;
  if (sender->get()->getf(caf::abstract_actor::is_terminated_flag)) {
    x.ticket->cancelled = x.ticket->caller_gone = true;
    return;
  }
  auto [pos, is_new] = callers.try_emplace(caf::actor_cast<caf::actor_addr>(sender));
  // Its end overtakes other callers' calls. If it is gone already, this says so.
  if (is_new)
    self->monitor<caf::message_priority::high>(sender);
  auto& calls = pos->second.calls;
  calls.push_back(x.ticket);
  if (calls.size() >= pos->second.prune_at) {
    std::erase_if(calls, is_over);
    pos->second.prune_at = std::max<size_t>(16, 2 * calls.size());
  }
  if (callers.size() >= sweep_callers_at)
    forget_callers();
}

void pool_state::forget_callers() {
  for (auto i = callers.begin(); i != callers.end();) {
    std::erase_if(i->second.calls, is_over);
    if (!i->second.calls.empty()) {
      ++i;
      continue;
    }
    self->demonitor(i->first);
    i = callers.erase(i);
  }
  sweep_callers_at = std::max<size_t>(64, 2 * callers.size());
}

void pool_state::end_calls_of(caller x) {
  for (auto& ticket : x.calls) {
    if (is_over(ticket))
      continue;
    auto order = cancel_order{std::move(ticket), true};
    on_cancel(order);
  }
}

} // namespace snakepit
