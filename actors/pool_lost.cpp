#include "actors/call_notes.hpp"
#include "actors/core/receipts.hpp"
#include "actors/pool.hpp"

#include <algorithm>

namespace snakepit {

using telemetry::level;

void pool_state::take_lost(worker_down& x) {
  auto ends = std::vector<lost_call>{};
  note_loss(x.lost);
  for (auto& one : std::exchange(x.lost, {})) {
    auto& call = *one.first;
    // The first is the one that ran.
    if (std::exchange(x.killed_by_call, false))
      note_killer(call, *x.certificate);
    if (call.ticket && call.ticket->cancelled) {
      one.second = cancelled(call);
    } else if (auto due = may_run_again(call, one.second.reason)) {
      events.retried(call, one.second.reason, *due - now());
      ++counters.retried;
      retries.add({std::move(one.first), std::move(one.second)}, *due);
      continue;
    }
    ends.push_back(std::move(one));
  }
  answer_lost(std::move(ends));
}

void pool_state::note_killer(const core::call& x, const death_certificate& of) {
  if (!poison->note(x, of.cause, now()))
    return;
  world.log->write(level::error, pool_category,
                   "a call has killed several workers and is refused for a while",
                   {{"pool", settings.config.name}, {"tool", x.group->tool}, {"cause", of.cause}});
}

std::optional<core::time_point> pool_state::may_run_again(const core::call& x, reason why) {
  if (draining || slots->failed() || !tools->is_idempotent(x) || poison->find(x, now())
      || (has_open_circuit() && breaker->refuses(x, now())))
    return std::nullopt;
  return core::next_try(settings.config.retry, x, why, now());
}

void pool_state::answer_lost(std::vector<lost_call> ends) {
  if (ends.empty())
    return;
  auto time = now();
  auto& took = totals.at(time);
  for (auto& [call, why] : ends) {
    ++took[core::time_buckets::of(time - call->admitted)];
    counters.fail(why.reason);
    if (call->attempt > 1)
      why.details.emplace("attempts", std::to_string(call->attempt));
  }
  note_failures(*world.metrics, ends, time);
  for (auto& [call, why] : ends) {
    events.failed(*call, why.reason);
    auto worker = why.certificate
                    ? core::worker_id{why.certificate->slot, why.certificate->generation}
                    : core::worker_id{};
    why.receipt = std::make_shared<call_receipt>(core::receipt_of(*call, worker));
    call->slot.answer(tl::unexpected{std::move(why)});
  }
}

void pool_state::run_again() {
  auto calls = retries.take_due(now());
  if (!calls.empty())
    take_back(std::move(calls));
}

void pool_state::end_retries() {
  auto ends = std::vector<lost_call>{};
  for (auto& x : retries.clear())
    ends.emplace_back(std::move(x.call), std::move(x.why));
  answer_lost(std::move(ends));
}

std::optional<error> pool_state::poisoned(const core::call& x) {
  auto time = now();
  auto* found = poison->find(x, time);
  if (!found)
    return std::nullopt;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(poison->until(*found) - time).count();
  return error{reason::poisoned,
               "`" + x.group->tool + "` with these arguments has killed "
                 + std::to_string(found->deaths) + " workers (" + found->cause
                 + ") and is refused for a while",
               {{"pool", settings.config.name},
                {"tool", x.group->tool},
                {"cause", found->cause},
                {"deaths", std::to_string(found->deaths)},
                {"refused_for", std::to_string(left) + "ms"}}};
}

void pool_state::on_poison(poison_query& x) {
  auto list = poison->list(now());
  for (auto& one : list)
    one.pool = settings.config.name;
  if (x.clear)
    poison->clear(now());
  x.done(std::move(list));
}

} // namespace snakepit
