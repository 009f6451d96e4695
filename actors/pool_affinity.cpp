#include "actors/pool.hpp"

#include <algorithm>

/// Calls that name a session: which worker they go to, and what becomes of them if it has no room
/// or is gone. A session gets its worker when a call of it is sent to one; what is sent later finds
/// it. Calls without a session never come here.

namespace snakepit {

using telemetry::affinity_result;

affinity pool_state::mode_of(const core::call& x) const noexcept {
  return x.group->options.affinity.value_or(usual_affinity);
}

bool pool_state::serves(const core::worker_id& x) const {
  auto i = members.find(x.slot);
  return i != members.end() && i->second.generation == x.generation && i->second.up;
}

std::optional<core::lane_id> pool_state::lane_of(const core::worker_id& x, affinity mode) const {
  auto lane = board->pick(x.slot, x.generation);
  // One that must not wait does not go behind another call, however short that is foreseen to be.
  if (lane && mode == affinity::strict_fail_fast && board->calls(*lane) > 0)
    return std::nullopt;
  return lane;
}

std::optional<core::lane_id> pool_state::lane_of_session(const core::call& x) {
  auto* is = sessions.find(x.group->options.session, now());
  return is && serves(is->worker) ? lane_of(is->worker, mode_of(x)) : std::nullopt;
}

// -- admission --------------------------------------------------------------------

std::optional<error> pool_state::affinity_refusal(const core::call& x) {
  if (mode_of(x) != affinity::strict_fail_fast)
    return std::nullopt;
  auto& session = x.group->options.session;
  auto* is = sessions.find(session, now());
  if (!is || (serves(is->worker) && lane_of(is->worker, affinity::strict_fail_fast)))
    return std::nullopt;
  world.metrics->affinity(affinity_result::refused);
  if (serves(is->worker))
    return worker_busy(x);
  sessions.forget(session); // it has been told
  return worker_unavailable(x);
}

error pool_state::worker_busy(const core::call& x) const {
  auto& config = settings.config;
  return {reason::worker_busy,
          "the worker of session `" + x.group->options.session + "` has no room for `"
            + x.group->tool + "` now",
          {{"pool", config.name}, {"session", x.group->options.session}}};
}

error pool_state::worker_unavailable(const core::call& x) const {
  auto& config = settings.config;
  return {reason::session_worker_unavailable,
          "the worker of session `" + x.group->options.session
            + "` is gone, with what the session had there; the next call gets another one",
          {{"pool", config.name}, {"session", x.group->options.session}}};
}

bool pool_state::send_at_once(core::call_ptr& x) {
  if (mode_of(*x) != affinity::strict_fail_fast)
    return false;
  auto* is = sessions.find(x->group->options.session, now());
  auto lane = is ? lane_of(is->worker, affinity::strict_fail_fast) : std::nullopt;
  if (!lane)
    return false;
  bind(*x, is->worker);
  auto foreseen = times->foresee(x->tool);
  auto together = batching(*x) != nullptr;
  auto one = std::vector<core::call_ptr>{};
  one.push_back(std::move(x));
  send(*lane, std::move(one), foreseen, together);
  return true;
}

// -- dispatch ---------------------------------------------------------------------

std::optional<core::lane_id> pool_state::place_front(const core::lane_id& free) {
  auto& x = *queue->front();
  auto mode = mode_of(x);
  auto& session = x.group->options.session;
  auto refuse = [&](error why) {
    auto call = queue->pop_front();
    world.metrics->affinity(affinity_result::refused);
    events.left(*call);
    give_up(*call, std::move(why));
    return std::nullopt;
  };
  auto* is = sessions.find(session, now());
  // It came back from a worker that is gone.
  auto is_lost = x.bound.generation != 0 && !serves(x.bound);
  if (is && is->only_call != x.id)
    is->only_call = 0;
  if (is && serves(is->worker) && !(is_lost && mode == affinity::strict_fail_fast)) {
    is->firm |= mode != affinity::hint;
    if (auto own = lane_of(is->worker, mode))
      return own;
    if (mode == affinity::strict_fail_fast)
      return refuse(worker_busy(x));
    if (mode == affinity::hint)
      return free;
    queue->set_apart(is->worker.slot);
    return std::nullopt;
  }
  if (mode != affinity::strict_fail_fast || (!is && !is_lost))
    return free;
  auto why = worker_unavailable(x);
  if (is && !serves(is->worker))
    sessions.forget(session); // it has been told
  return refuse(std::move(why));
}

bool pool_state::may_ride(const core::call& x, uint32_t slot) {
  auto* is = sessions.find(x.group->options.session, now());
  if (!is || !serves(is->worker))
    return mode_of(x) != affinity::strict_fail_fast; // which may have to be told
  if (mode_of(x) == affinity::hint)
    return is->worker.slot == slot || !lane_of(is->worker, affinity::hint);
  return is->worker.slot == slot && mode_of(x) == affinity::strict_queue;
}

void pool_state::bind(core::call& x, const core::worker_id& to, bool waited) {
  auto& session = x.group->options.session;
  auto strict = mode_of(x) != affinity::hint;
  auto what = affinity_result::moved;
  auto* is = sessions.find(session, now());
  if (is && is->worker == to) {
    what = waited ? affinity_result::waited : affinity_result::hit;
    if (is->only_call != x.id)
      is->only_call = 0;
    is->firm |= strict;
  } else if (strict || !is || !is->firm || !serves(is->worker)) {
    if (!is)
      what = affinity_result::fresh;
    events.bound(session, to, is != nullptr);
    is = &sessions.bind(session, to, now());
    is->only_call = x.id;
    is->firm = strict;
  }
  if (strict)
    x.bound = to;
  world.metrics->affinity(what);
}

void pool_state::unbind(core::call& x) {
  auto& session = x.group->options.session;
  auto* is = sessions.find(session, now());
  if (!is || is->worker != x.bound || is->only_call != x.id)
    return;
  sessions.forget(session);
  x.bound = {};
}

void pool_state::serve_bound(uint32_t slot) {
  while (queue->front_of(slot)) {
    auto lane = board->pick(slot, members.at(slot).generation);
    if (!lane)
      return;
    auto* group = queue->next_group(now());
    if (group && queue->goes_before(*group, slot))
      dispatch_group(*group);
    else if (queue->is_fronts_turn(slot))
      dispatch_front();
    else
      send_bound(*lane);
  }
}

void pool_state::send_bound(const core::lane_id& lane) {
  auto allowance = board->room(lane, queue->apart());
  auto batch =
    core::batch_draft{std::min<size_t>(allowance.calls, core::max_batch_calls), allowance.worth};
  while (auto* call = queue->front_of(lane.slot)) {
    if (auto why = has_open_circuit() ? circuit_refusal(*call) : std::nullopt) {
      auto refused = queue->pop_front_of(lane.slot, duration{0});
      events.left(*refused);
      give_up(*refused, std::move(*why));
      continue;
    }
    auto foreseen = times->foresee(call->tool);
    if ((tools->any_batches() && !may_join(batch, *call)) || !batch.fits(*call, foreseen))
      break;
    auto& taken = batch.add(queue->pop_front_of(lane.slot, batch.share(foreseen)), foreseen);
    if (has_open_circuit())
      begin_circuit(taken);
    bind(taken, {lane.slot, lane.generation}, true);
  }
  if (!batch.empty())
    send(lane, std::move(batch.calls()), batch.worth(), batch.runs_as_one());
}

} // namespace snakepit
