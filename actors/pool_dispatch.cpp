#include "actors/pool.hpp"

#include "actors/call_notes.hpp"
#include "actors/core/call_options.hpp"

#include <algorithm>

namespace snakepit {

namespace {

/// How often the lane pages are read while a lane holds more than one call.
constexpr auto look_interval = std::chrono::milliseconds{1};
/// Calls of a tool after which their mean is taken for what one takes.
constexpr uint64_t enough_samples = 20;

std::string text(duration x) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(x).count()) + "ms";
}

} // namespace

// -- admission ------------------------------------------------------------------

void pool_state::admit(core::call_ptr x) {
  if (auto why = refusal(*x)) {
    counters.reject(why->reason);
    events.rejected(*x, why->reason, queue->size());
    if (why->reason == reason::pool_saturated && !std::exchange(saturated, true))
      events.saturated(*queue);
    return x->slot.answer(tl::unexpected{std::move(*why)});
  }
  if (has_open_circuit())
    begin_circuit(*x);
  ++counters.admitted;
  saturated = false;
  events.entered(*x, queue->size() + 1);
  if (has_session(*x) && send_at_once(x))
    return;
  if (tools->any_batches() && gather(x))
    return;
  queue->push_back(std::move(x));
}

std::optional<error> pool_state::refusal(core::call& x) {
  auto& config = settings.config;
  if (x.ticket && x.ticket->cancelled)
    return cancelled(x);
  if (auto why = core::check_options(x.group->options))
    return why;
  if (draining)
    return error{reason::draining, "pool `" + config.name + "` stops and takes no new calls"};
  if (slots->failed())
    return not_ready();
  if (tools->known())
    if (auto ok = tools->check(x); !ok)
      return std::move(ok.error());
  if (auto why = core::check_size(x.bytes(), config.limits.inline_bytes))
    return why;
  if (!poison->empty())
    if (auto why = poisoned(x))
      return why;
  if (has_open_circuit())
    if (auto why = circuit_refusal(x))
      return why;
  if (auto why = unmeetable(x))
    return why;
  if (has_session(x))
    if (auto why = affinity_refusal(x))
      return why;
  if (queue->has_room(x.bytes()))
    return std::nullopt;
  auto mean = worth_of(x, times->mean(x.tool));
  auto wait = mean * static_cast<int64_t>(queue->size() + 1)
              / static_cast<int64_t>(std::max<size_t>(board->lanes(), 1));
  return error{reason::pool_saturated,
               "pool `" + config.name + "` has as many calls waiting as it may ("
                 + std::to_string(queue->size()) + ")",
               {{"pool", config.name},
                {"queued", std::to_string(queue->size())},
                {"retry_after", text(wait)}}};
}

std::optional<error> pool_state::unmeetable(core::call& x) {
  auto& config = settings.config;
  // Foreseen is only what enough calls have shown; the others count as nothing.
  if (times->samples(x.tool) >= enough_samples)
    x.worth = worth_of(x, times->mean(x.tool));
  auto lanes = static_cast<int64_t>(ready() * settings.lanes);
  if (!config.queue.predict || lanes == 0 || x.deadline == core::never)
    return std::nullopt;
  auto wait = queue->worth_before(x.group->options.priority) / lanes;
  auto left = x.deadline - now();
  // One that has passed on the way to here has passed; the queue says so.
  if (wait <= left || left <= duration{0})
    return std::nullopt;
  return error{reason::deadline_unmeetable,
               "the calls before `" + x.group->tool + "` in pool `" + config.name
                 + "` will take longer than its deadline allows: " + text(wait) + " against "
                 + text(left),
               {{"pool", config.name},
                {"tool", x.group->tool},
                {"queued", std::to_string(queue->size())},
                {"predicted_wait", text(wait)},
                {"time_left", text(left)}}};
}

// -- dispatch -------------------------------------------------------------------

void pool_state::dispatch() {
  while (dispatch_next()) {
  }
  if (scaler && scale()) [[unlikely]]
    while (dispatch_next()) {
    }
  if (queue->next_deadline() < armed || (scaler && scale_due() < armed)
      || (!queue->groups().empty() && queue->groups().next_due(now()) < armed))
    arm();
  keep_looking();
}

bool pool_state::dispatch_next() {
  if (!queue->groups().empty())
    if (auto* group = queue->next_group(now()); group && !queue->is_fronts_turn(*group))
      return dispatch_group(*group);
  return queue->has_front() && dispatch_front();
}

bool pool_state::dispatch_front() {
  auto lane = board->pick();
  if (!lane)
    return false;
  if (auto* front = next_call(); front && has_session(*front)) {
    lane = place_front(*lane);
    if (!lane)
      return true;
  }
  auto batch = take(*lane);
  if (!batch.empty())
    send(*lane, std::move(batch.calls()), batch.worth(), batch.runs_as_one());
  return true;
}

core::batch_draft pool_state::take(const core::lane_id& lane) {
  auto allowance = board->room(lane, queue->size() - queue->apart());
  auto result =
    core::batch_draft{std::min<size_t>(allowance.calls, core::max_batch_calls), allowance.worth};
  while (auto* call = next_call()) {
    auto foreseen = times->foresee(call->tool);
    auto in_session = has_session(*call);
    if (tools->any_batches() && !may_join(result, *call))
      break;
    if (!result.fits(*call, foreseen)
        || (in_session && !result.empty() && !may_ride(*call, lane.slot)))
      break;
    auto& taken = result.add(queue->pop_front(result.share(foreseen)), foreseen);
    if (has_open_circuit())
      begin_circuit(taken);
    if (in_session)
      bind(taken, {lane.slot, lane.generation});
  }
  return result;
}

void pool_state::send(const core::lane_id& lane, std::vector<core::call_ptr> calls, duration worth,
                      bool together) {
  board->sent(lane, calls.size(), worth, together);
  auto time = now();
  note_batch(*world.metrics, calls, time);
  note_waits(calls, time);
  events.dispatched(calls, lane);
  for (auto& x : calls) {
    x->sent = time;
    if (x->ticket) {
      x->ticket->slot = lane.slot;
      x->ticket->generation = lane.generation;
    }
  }
  auto& member = members.at(lane.slot);
  member.sent += calls.size();
  caf::anon_send(caf::actor_cast<worker_actor>(member.worker),
                 make_local(lane_batch{lane.lane, std::move(calls), together}));
}

const core::call* pool_state::next_call() {
  while (auto* front = queue->front()) {
    if (front->checked) {
      auto why = has_open_circuit() ? circuit_refusal(*front) : std::nullopt;
      if (!why)
        return front;
      auto call = queue->pop_front();
      events.left(*call);
      give_up(*call, std::move(*why));
      continue;
    }
    // Admitted before the first worker had said what tools there are.
    auto call = queue->pop_front();
    if (auto ok = tools->check(*call); !ok) {
      events.left(*call);
      give_up(*call, std::move(ok.error()));
      continue;
    }
    if (tools->any_batches() && gather(call))
      continue;
    auto one = std::vector<core::call_ptr>{};
    one.push_back(std::move(call));
    queue->push_front(std::move(one));
  }
  return nullptr;
}

void pool_state::keep_looking() {
  if (looking || !board->any_crowded())
    return;
  looking = true;
  self->delayed_send(self, look_interval, atom::look_v);
}

void pool_state::on_look() {
  looking = false;
  auto time = now();
  auto idle = board->has_idle();
  for (auto& [slot, member] : members)
    look_after(slot, member, time, idle);
  for (auto& [key, member] : leaving)
    look_after(key.first, member, time, idle);
  keep_looking();
}

void pool_state::look_after(uint32_t slot, member& x, core::time_point time, bool others_idle) {
  for (uint32_t i = 0; i < x.watchers.size(); ++i) {
    auto& page = x.pages[i];
    auto advice = x.watchers[i].look(time, page.claimed(), page.done(), page.acked(), others_idle);
    if (advice && board->is_crowded({slot, x.generation, i}))
      caf::anon_send(caf::actor_cast<worker_actor>(x.worker),
                     make_local(lane_look{i, advice.revoke}));
  }
}

} // namespace snakepit
