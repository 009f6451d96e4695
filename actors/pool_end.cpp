#include "actors/core/call_options.hpp"
#include "actors/core/receipts.hpp"
#include "actors/pool.hpp"

namespace snakepit {

void pool_state::give_up(core::call& x, error why) {
  counters.fail(why.reason);
  note_given_up(x);
  world.metrics->not_sent(x.group->tool, why.reason);
  events.failed(x, why.reason);
  why.receipt = std::make_shared<call_receipt>(core::receipt_of(x, now()));
  x.slot.answer(tl::unexpected{std::move(why)});
}

void pool_state::give_up_cancelled(core::call& x) {
  give_up(x, cancelled(x));
}

error pool_state::cancelled(const core::call& x) {
  return core::cancelled(x, x.ticket && x.ticket->caller_gone);
}

void pool_state::fail_queued(const error& why) {
  end_retries();
  for (auto& call : queue->clear()) {
    events.left(*call);
    give_up(*call, why);
  }
}

void pool_state::end_drain_if_done() {
  // A slot whose worker has left for another one gets it, as long as there is time.
  auto owed = slots->owed() > 0 && worker_supervisor && !drained.empty() && now() < drain_until;
  if (draining && slots->ready() == 0 && slots->starting() == 0 && !owed)
    fail_queued({reason::draining, "the pool stops"});
  auto idle = queue->empty() && board->in_flight() == 0 && crossing == 0;
  if (drained.empty() || (!idle && now() < drain_until))
    return;
  events.drained(now() - drain_begun, queue->size() + board->in_flight() + crossing);
  for (auto& done : std::exchange(drained, {}))
    done();
}

} // namespace snakepit
