#include "actors/pool.hpp"

#include "actors/lifecycle_manager.hpp"
#include "actors/supervision_messages.hpp"

#include <algorithm>

/// A new worker for a slot that has one: the new one starts while the old one serves, takes its
/// place when it is ready, and the old one ends when what it has been given is done. No call
/// notices, and at no time can fewer calls run. With `max_unavailable` the old one leaves first.

namespace snakepit {

std::optional<error> pool_state::no_worker(uint32_t slot) const {
  auto& name = settings.config.name;
  if (slot >= slots->size())
    return error{reason::invalid_argument, "pool `" + name + "` has no slot " + std::to_string(slot)
                                             + ", only 0 to " + std::to_string(slots->size() - 1)};
  auto i = members.find(slot);
  if (i == members.end() || !i->second.worker)
    return error{reason::unavailable,
                 "slot " + std::to_string(slot) + " of pool `" + name + "` has no worker now"};
  return std::nullopt;
}

size_t pool_state::calls_on(uint32_t slot, const member& x) const {
  auto calls = size_t{0};
  for (uint32_t lane = 0; lane < settings.lanes; ++lane)
    calls += board->calls({slot, x.generation, lane});
  return calls;
}

std::vector<worker_stats> pool_state::worker_list() const {
  auto out = std::vector<worker_stats>{};
  auto time = now();
  auto add = [&](uint32_t slot, const member& x, const char* state) {
    auto& to = out.emplace_back();
    to.slot = slot;
    to.generation = x.generation;
    to.revision = x.revision;
    to.pid = x.pid;
    to.state = state;
    to.in_flight = calls_on(slot, x);
    to.calls = x.calls;
    to.age = x.up ? time - x.up_since : duration{0};
    to.memory_bytes = x.memory.bytes();
    to.memory_growth = x.memory.per_1000_calls();
    to.tainted = to_string(taints.tainted(slot));
  };
  for (auto& [key, x] : leaving)
    add(key.first, x, "leaving");
  for (auto& [slot, x] : members)
    add(slot, x, !x.up ? "starting" : x.well ? "ready" : "unwell");
  for (auto& [slot, x] : successors)
    add(slot, x, "starting");
  std::ranges::sort(out, {}, [](auto& x) { return std::pair{x.slot, x.generation}; });
  return out;
}

// -- orders -----------------------------------------------------------------------

void pool_state::on_recycle(recycle_order& x) {
  if (draining)
    return x.answer(fail(reason::draining, "pool `" + settings.config.name + "` stops"));
  if (auto why = no_worker(x.slot))
    return x.answer(tl::unexpected{std::move(*why)});
  // One that starts is new as it is.
  if (members.at(x.slot).up && !renew(x.slot, core::recycle_reason::manual))
    return x.answer(fail(reason::unavailable, "its worker is leaving"));
  recycles.push_back(std::move(x));
  start_workers();
  arm();
}

void pool_state::on_replace(replace_order& x) {
  auto order = recycle_order{x.who.slot, std::move(x.done)};
  auto i = members.find(x.who.slot);
  if (draining || i == members.end() || i->second.generation != x.who.generation || !i->second.up
      || !renew(x.who.slot, x.why))
    return order.answer(fail(reason::unavailable, "the worker is not there any more"));
  if (x.spec) { // if one starts already, of the one that follows it
    trials.insert_or_assign(x.who.slot, std::move(x.spec));
    mixed = true;
  }
  recycles.push_back(std::move(order));
  start_workers();
  arm();
}

bool pool_state::renew(uint32_t slot, core::recycle_reason why) {
  if (!slots->renew(slot))
    return false;
  replacements.try_emplace(slot, replacement{members.at(slot).generation, why});
  return true;
}

void pool_state::on_end(end_order& x) {
  auto* it = find_member(x.who.slot, x.who.generation);
  if (it && it->up)
    caf::anon_send(caf::actor_cast<worker_actor>(it->worker), make_local(std::move(x)));
}

// -- what becomes of them -----------------------------------------------------------

void pool_state::let_leave() {
  if (settings.config.recycle.max_unavailable == 0)
    return;
  auto left = slots->leavers(slots->ready() - ready());
  for (auto& x : left) {
    dismiss(x.slot);
    replacements[x.slot].left = true;
  }
  if (!left.empty())
    note_standing();
}

void pool_state::dismiss(uint32_t slot) {
  auto& x = members.at(slot);
  auto& replaced = replacements[slot];
  replaced.generation = x.generation;
  replaced.age = now() - x.up_since;
  replaced.calls = x.calls;
  let_go(slot, replaced.why == core::recycle_reason::manual ? std::string_view{}
                                                            : core::to_string(replaced.why));
}

void pool_state::let_go(uint32_t slot, std::string_view why) {
  auto old = members.extract(slot);
  auto& x = old.mapped();
  for (uint32_t lane = 0; lane < settings.lanes; ++lane)
    board->hold({slot, x.generation, lane}, true);
  caf::anon_send(caf::actor_cast<worker_actor>(x.worker), atom::leave_v, std::string{why});
  leaving.emplace(std::pair{slot, x.generation}, std::move(x));
  queue->rejoin(slot);
}

void pool_state::succeed(uint32_t slot) {
  if (auto next = successors.extract(slot)) {
    dismiss(slot);
    members.insert(std::move(next));
    note_replaced(slot);
  } else if (auto i = replacements.find(slot); i != replacements.end() && i->second.left) {
    note_replaced(slot);
  }
  begin_life(slot);
  answer_recycles(slot, {});
  if (lifecycle)
    caf::anon_send(caf::actor_cast<lifecycle_actor>(lifecycle), atom::look_v);
}

void pool_state::begin_life(uint32_t slot) {
  auto i = members.find(slot);
  if (i == members.end())
    return;
  auto& x = i->second;
  x.up_since = x.last_end = now();
  auto& limits = settings.config.recycle;
  x.most_calls = core::limits_of(limits, slot, x.generation, settings.recycle_seed).max_calls;
}

void pool_state::note_replaced(uint32_t slot) {
  auto& x = replacements.at(slot);
  events.recycled({slot, x.generation}, x.age, x.calls, core::to_string(x.why));
  world.metrics->recycled(core::to_string(x.why));
  world.log->write(
    telemetry::level::info, pool_category, "worker replaced",
    {{"pool", settings.config.name},
     {"slot", slot},
     {"reason", std::string{core::to_string(x.why)}},
     {"calls", x.calls},
     {"age_ms", std::chrono::duration_cast<std::chrono::milliseconds>(x.age).count()}});
  replacements.erase(slot);
}

void pool_state::forget(uint32_t slot, uint32_t generation) {
  if (auto i = successors.find(slot); i != successors.end() && i->second.generation == generation) {
    successors.erase(i);
    return;
  }
  members.erase(slot);
  if (auto i = replacements.find(slot); i != replacements.end() && !i->second.left)
    replacements.erase(i); // it was lost, and is followed as any other
  queue->rejoin(slot);
  if (auto next = successors.extract(slot))
    members.insert(std::move(next));
}

void pool_state::answer_recycles(uint32_t slot, const result<void>& x) {
  if (auto i = replacements.find(slot); i != replacements.end() && !x && !i->second.left)
    replacements.erase(i); // the old one stays
  auto waits = std::exchange(recycles, {});
  for (auto& order : waits)
    if (order.slot == slot)
      order.answer(x);
    else
      recycles.push_back(std::move(order));
}

// -- what the LIFECYCLE MANAGER knows -------------------------------------------------

void pool_state::on_life_query(const life_query& x) {
  if (std::exchange(lifecycle, x.asker) != x.asker) { // a reload has ended with the one before
    trials.clear();
    mixed = false;
  }
  auto list = life_list{};
  list.vacant = slots->vacant();
  auto add = [&](uint32_t slot, const member& one, bool leaves) {
    if (!one.up)
      return list.starting.push_back(one.revision);
    auto& to = list.workers.emplace_back();
    to.slot = slot;
    to.generation = one.generation;
    to.revision = one.revision;
    to.pid = one.pid;
    to.leaving = leaves;
    to.ready_since = one.up_since;
    to.calls = one.calls;
    to.idle_since = one.calls == 0 || calls_on(slot, one) > 0 ? core::never : one.last_end;
  };
  for (auto& [slot, one] : members)
    add(slot, one, false);
  for (auto& [slot, one] : successors)
    add(slot, one, false);
  for (auto& [key, one] : leaving)
    add(key.first, one, true);
  caf::anon_send(caf::actor_cast<lifecycle_actor>(lifecycle), make_local(std::move(list)));
}

void pool_state::on_memory(const memory_seen& x) {
  for (auto& [who, bytes] : x.workers)
    if (auto* it = find_member(who.slot, who.generation))
      it->memory.note(bytes, it->calls);
}

void pool_state::note_ran(member& x, uint64_t calls) {
  if (calls == 0)
    return;
  x.calls += calls;
  if (settings.config.recycle.idle != infinite)
    x.last_end = now();
  if (x.calls < x.most_calls)
    return;
  x.most_calls = core::recycle_limits::none; // it is told once
  if (lifecycle)
    caf::anon_send(caf::actor_cast<lifecycle_actor>(lifecycle), atom::look_v);
}

} // namespace snakepit
