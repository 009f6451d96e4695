#include "actors/pool.hpp"

#include "actors/call_notes.hpp"
#include "actors/core/exit_verdict.hpp"
#include "actors/lifecycle_manager.hpp"

/// A pool whose workers are replaced by those of a new revision: what `core::rollout` decides, the
/// LIFECYCLE MANAGER orders and the POOL does.

namespace snakepit {

worker_spec_ptr pool_state::spec_for(uint32_t slot) {
  auto trial = trials.extract(slot);
  return trial ? std::move(trial.mapped()) : spec;
}

void pool_state::on_trial(trial_order& x) {
  auto slot = draining ? std::nullopt : slots->hurry(now());
  auto order = recycle_order{slot.value_or(0), std::move(x.done)};
  if (!slot)
    return order.answer(fail(reason::unavailable, "no slot waits for a worker"));
  trials.insert_or_assign(*slot, std::move(x.spec));
  mixed = true;
  recycles.push_back(std::move(order));
  start_workers();
  arm();
}

void pool_state::on_adopt(adopt_order& x) {
  spec = std::move(x.spec);
  world.entry->set_spec(spec);
  trials.clear();
  mixed = !x.over;
  auto next = mixed ? nullptr : std::exchange(coming_tools, nullptr);
  if (next && coming_revision == spec->revision)
    use_tools(std::move(next));
}

result<void> pool_state::learn_tools(const member& x,
                                     const std::vector<core::tool_entry>& declared) {
  if (tools->is_made_of(declared))
    return {};
  auto next = tools->with(declared);
  if (!next)
    return tl::unexpected{std::move(next.error())};
  if (tools->known() && mixed) { // the others cannot do that, or otherwise
    coming_tools = std::move(*next);
    coming_revision = x.revision;
    return {};
  }
  use_tools(std::move(*next));
  return {};
}

void pool_state::use_tools(std::shared_ptr<const core::tool_table> x) {
  tools = std::move(x);
  world.entry->set_tools(tools);
  note_tools(*world.metrics, *tools);
}

void pool_state::tell_trouble(uint32_t revision, const error& why, bool for_good) {
  if (lifecycle && mixed && !draining)
    caf::anon_send(caf::actor_cast<lifecycle_actor>(lifecycle),
                   make_local(worker_trouble{revision, why, for_good}));
}

} // namespace snakepit
