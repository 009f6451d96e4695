#include "actors/pool.hpp"

#include "actors/supervision_messages.hpp"

#include <algorithm>

/// A new worker for a slot that has one: the new one starts while the old one serves, takes its
/// place when it is ready, and the old one ends when what it has been given is done. No call
/// notices, and at no time can fewer calls run.

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

std::vector<worker_stats> pool_state::worker_list() const {
  auto out = std::vector<worker_stats>{};
  auto add = [&](uint32_t slot, const member& x, const char* state) {
    auto calls = size_t{0};
    for (uint32_t lane = 0; lane < settings.lanes; ++lane)
      calls += board->calls({slot, x.generation, lane});
    out.push_back({slot, x.generation, x.pid, state, calls});
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

void pool_state::on_recycle(recycle_order& x) {
  if (draining)
    return x.answer(fail(reason::draining, "pool `" + settings.config.name + "` stops"));
  if (auto why = no_worker(x.slot))
    return x.answer(tl::unexpected{std::move(*why)});
  // One that starts is new as it is.
  if (members.at(x.slot).up && !slots->renew(x.slot))
    return x.answer(fail(reason::unavailable, "its worker is leaving"));
  recycles.push_back(std::move(x));
  start_workers();
  arm();
}

void pool_state::succeed(uint32_t slot) {
  if (auto next = successors.extract(slot)) {
    auto old = members.extract(slot);
    auto generation = old.mapped().generation;
    for (uint32_t lane = 0; lane < settings.lanes; ++lane)
      board->hold({slot, generation, lane}, true);
    caf::anon_send(caf::actor_cast<worker_actor>(old.mapped().worker), atom::leave_v);
    leaving.emplace(std::pair{slot, generation}, std::move(old.mapped()));
    members.insert(std::move(next));
    queue->rejoin(slot);
  }
  answer_recycles(slot, {});
}

void pool_state::forget(uint32_t slot, uint32_t generation) {
  if (auto i = successors.find(slot); i != successors.end() && i->second.generation == generation) {
    successors.erase(i);
    return;
  }
  members.erase(slot);
  queue->rejoin(slot);
  if (auto next = successors.extract(slot))
    members.insert(std::move(next));
}

void pool_state::answer_recycles(uint32_t slot, const result<void>& x) {
  auto waits = std::exchange(recycles, {});
  for (auto& order : waits)
    if (order.slot == slot)
      order.answer(x);
    else
      recycles.push_back(std::move(order));
}

} // namespace snakepit
