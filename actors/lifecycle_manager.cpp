#include "actors/lifecycle_manager.hpp"

#include "actors/core/exit_verdict.hpp"
#include "actors/core/units.hpp"
#include "actors/pool.hpp"

#include <algorithm>

namespace snakepit {

namespace {

std::string mebibytes(uint64_t x) {
  return core::format_size(x >> 20 << 20);
}

} // namespace

lifecycle_actor::behavior_type
lifecycle_manager(lifecycle_actor::stateful_pointer<lifecycle_state> self,
                  lifecycle_settings settings, lifecycle_world world) {
  auto& st = self->state;
  st.init(std::move(settings), std::move(world));
  return {
    [&st](local<life_list>& x) { st.on_list(*x); },
    [&st](local<memory_taken>& x) { st.on_memory(*x); },
    [&st](local<replace_refused>& x) { st.on_refused(*x); },
    [&st](local<reload_order>& x) { st.on_reload(*x); },
    [&st](local<rollout_step>& x) { st.on_step(*x); },
    [&st](local<worker_trouble>& x) { st.on_trouble(*x); },
    [&st](atom::look) { st.on_look(); },
    [&st](atom::tick) { st.on_tick(); },
  };
}

void lifecycle_state::init(lifecycle_settings cfg, lifecycle_world w) {
  settings = std::move(cfg);
  world = std::move(w);
  rules.emplace(settings.recycle, settings.seed, settings.pause);
  current = world.entry && world.entry->spec() ? world.entry->spec() : settings.spec;
  rollout = {settings.recycle.surge, settings.reload_failures, settings.reload_pause};
  events = {world.events, settings.pool, [this] { return now(); }};
  ask();
}

// -- message handlers ---------------------------------------------------------

void lifecycle_state::on_list(life_list& x) {
  asking = false;
  workers = std::move(x.workers);
  starting = std::move(x.starting);
  vacant = x.vacant;
  auto known = std::exchange(memory, {});
  for (auto& one : workers)
    if (auto seen = known.extract({one.slot, one.generation})) {
      one.memory = seen.mapped();
      memory.insert(std::move(seen));
    }
  if (std::exchange(is_first_list, false))
    resume_reload();
  go_on(); // first, or a worker that it wants to replace is always gone for its age
  decide();
  measure();
  retire();
}

void lifecycle_state::on_memory(const memory_taken& x) {
  auto measured = std::exchange(being_measured, {});
  auto seen = memory_seen{};
  for (size_t i = 0; i < std::min(measured.size(), x.bytes.size()); ++i) {
    if (x.bytes[i] == 0)
      continue; // it is gone, or nobody may look
    seen.workers.emplace_back(measured[i], x.bytes[i]);
    for (auto& one : workers)
      if (measured[i] == core::recycle_rules::worker{one.slot, one.generation})
        memory[measured[i]] = one.memory = x.bytes[i];
  }
  if (seen.workers.empty())
    return;
  caf::anon_send(caf::actor_cast<pool_actor>(world.pool), make_local(std::move(seen)));
  decide();
}

void lifecycle_state::on_refused(const replace_refused& x) {
  rules->refused(x.who, now());
  arm(core::later(now(), settings.pause));
}

void lifecycle_state::on_look() {
  ask();
}

void lifecycle_state::on_tick() {
  if (now() < armed)
    return; // an earlier one was armed meanwhile
  armed = core::never;
  ask();
}

// -- helpers --------------------------------------------------------------------

void lifecycle_state::ask() {
  // If the POOL ends before it answers, so does this actor.
  if (!std::exchange(asking, true))
    caf::anon_send(caf::actor_cast<pool_actor>(world.pool),
                   make_local(life_query{caf::actor_cast<caf::actor>(self)}));
}

void lifecycle_state::decide() {
  auto verdict = rules->judge(workers, now());
  for (auto& x : verdict.end)
    end(x);
  for (auto& x : verdict.replace)
    replace(x);
  arm(verdict.next);
}

void lifecycle_state::replace(const core::recycle_rules::replacement& x) {
  auto done = [to = lifecycle_actor{self}, who = x.who](const result<void>& end) {
    if (!end)
      caf::anon_send(to, make_local(replace_refused{who}));
  };
  caf::anon_send(caf::actor_cast<pool_actor>(world.pool),
                 make_local(replace_order{x.who, x.why, std::move(done)}));
}

void lifecycle_state::end(const core::recycle_rules::worker& x) {
  auto detail = mebibytes(memory[x]) + " of its own, memory_hard is "
                + core::format_size(settings.recycle.memory_hard);
  caf::anon_send(caf::actor_cast<pool_actor>(world.pool),
                 make_local(end_order{x, core::because_memory, std::move(detail)}));
}

void lifecycle_state::measure() {
  if (!measures() || workers.empty())
    return;
  if (now() < measure_at)
    return arm(measure_at);
  measure_at = core::later(now(), memory_interval);
  arm(measure_at);
  if (!being_measured.empty())
    return; // /proc is slow today
  auto targets = std::vector<io::memory_target>{};
  for (auto& x : workers) {
    auto limits = rules->limits(x);
    being_measured.push_back({x.slot, x.generation});
    targets.push_back({x.pid, std::min(limits.memory_soft, limits.memory_hard) / 5 * 4});
  }
  auto done = [to = lifecycle_actor{self}](std::vector<uint64_t> bytes) {
    caf::anon_send(to, make_local(memory_taken{std::move(bytes)}));
  };
  if (!world.meter->measure(std::move(targets), std::move(done)))
    being_measured.clear();
}

void lifecycle_state::arm(core::time_point at) {
  if (at >= armed)
    return;
  armed = at;
  auto time = now();
  self->delayed_send(self, at > time ? at - time : duration{0}, atom::tick_v);
}

} // namespace snakepit
