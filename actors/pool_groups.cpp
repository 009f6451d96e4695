#include "actors/pool.hpp"

#include <algorithm>

/// Calls of tools that want many at once. They gather in the queue, where they keep nobody waiting,
/// until their group is full or one of them has waited enough; then it takes its turn for a lane
/// like a single call, and takes in more until it has one. Who is in no group goes with those of
/// its tool that stand next to it, and is not held back: calls that are bound to a worker, and
/// calls that run again, each of which goes alone.

namespace snakepit {

const tool_description* pool_state::batching_tool(const core::call& x) const noexcept {
  auto* tool = tools->description_of(x.tool);
  return tool && tool->batch_size > 0 ? tool : nullptr;
}

duration pool_state::worth_of(const core::call& x, duration mean) const noexcept {
  // Where calls wait, groups are full.
  auto* tool = batching(x);
  return tool ? mean / tool->batch_size : mean;
}

bool pool_state::gather(core::call_ptr& x, bool again) {
  auto* tool = x->checked ? batching(*x) : nullptr;
  // One that was lost with a group runs alone, so that if it was the cause that is known.
  if (!tool || x->attempt > 1 || x->bound.generation != 0)
    return false;
  if (has_session(*x) && mode_of(*x) != affinity::hint) {
    auto* is = sessions.find(x->group->options.session, now());
    if ((is && serves(is->worker)) || mode_of(*x) == affinity::strict_fail_fast)
      return false;
  }
  auto until = core::gathering::hold_until(*x, tool->batch_delay, times->foresee(x->tool));
  auto most = std::min<size_t>(tool->batch_size, settings.config.queue.max_calls);
  queue->gather(std::move(x), most, until, again);
  return true;
}

void pool_state::gather_again(std::vector<core::call_ptr>& calls) {
  // The last first: each finds its place at the front.
  for (auto x = calls.rbegin(); x != calls.rend(); ++x)
    gather(*x, true);
  std::erase(calls, nullptr);
}

bool pool_state::dispatch_group(uint32_t key) {
  auto lane = board->pick();
  if (!lane)
    return false;
  auto size = queue->groups().size(key);
  auto batch = core::batch_draft{1, duration{0}};
  while (auto* call = queue->front_of(key)) {
    if (auto why = has_open_circuit() ? circuit_refusal(*call) : std::nullopt) {
      auto refused = queue->pop_front_of(key, duration{0});
      events.left(*refused);
      give_up(*refused, std::move(*why));
      continue;
    }
    // Its session may have got a worker meanwhile.
    if (has_session(*call) && mode_of(*call) != affinity::hint && !may_ride(*call, lane->slot)) {
      queue->ungather(key);
      continue;
    }
    if (batch.empty()) {
      if (has_session(*call))
        lane = lane_of_session(*call).value_or(*lane);
      auto* tool = batching(*call); // unless it has just been declared anew
      if (tool)
        batch.run_as_one(std::min<size_t>(size, tool->batch_size), times->foresee(call->tool));
    }
    if (!batch.fits(*call, duration{0}))
      break;
    auto foreseen = times->foresee(call->tool);
    auto& taken = batch.add(queue->pop_front_of(key, batch.share(foreseen)), foreseen);
    if (has_open_circuit())
      begin_circuit(taken);
    if (has_session(taken))
      bind(taken, {lane->slot, lane->generation});
  }
  queue->group_went(key, now());
  if (!batch.empty())
    send(*lane, std::move(batch.calls()), batch.worth(), batch.runs_as_one());
  return true;
}

bool pool_state::may_join(core::batch_draft& to, const core::call& x) const {
  auto* tool = batching(x);
  if (to.empty()) {
    if (tool)
      to.run_as_one(x.attempt > 1 ? 1 : tool->batch_size, times->foresee(x.tool));
    return true;
  }
  if (!to.runs_as_one())
    return !tool;
  return tool && x.tool == to.first().tool && x.attempt == 1;
}

} // namespace snakepit
