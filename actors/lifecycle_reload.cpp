#include "actors/lifecycle_manager.hpp"

#include "actors/pool.hpp"
#include "actors/spawner.hpp"

#include <algorithm>

/// A reload: all workers of the pool are replaced by those of a new revision, without a call that
/// fails for it, or none is. What comes next is decided by `core::rollout`.

namespace snakepit {

namespace {

using telemetry::level;

constexpr auto reload_category = "reload";
/// How often it is looked whether the last worker of an old revision has gone.
constexpr auto retire_interval = std::chrono::seconds{1};

} // namespace

// -- message handlers ---------------------------------------------------------

void lifecycle_state::on_reload(reload_order& x) {
  if (!rollout.active())
    return begin_reload(std::move(x));
  // What stands on the disk may have changed since this one began: it is not enough.
  next_reload.push_back(std::move(x));
}

void lifecycle_state::on_step(const rollout_step& x) {
  if (x.who)
    rollout.over(*x.who, x.done, now());
  else
    rollout.start_over(now());
  ask();
}

void lifecycle_state::on_trouble(const worker_trouble& x) {
  rollout.on_trouble(x.revision, x.why, x.for_good);
  ask();
}

// -- helpers --------------------------------------------------------------------

void lifecycle_state::begin_reload(reload_order x) {
  auto revision = world.entry->next_revision();
  job.from = current;
  job.to = x.make ? x.make(revision) : current->again(revision);
  job.requests.push_back(std::move(x));
  begin_rollout();
}

void lifecycle_state::resume_reload() {
  if (rollout.active())
    return; // the next one has begun: it leaves nothing but its own
  auto is_other = [this](uint32_t revision) { return revision != current->revision; };
  auto is_left = [&](auto& x) { return !x.leaving && is_other(x.revision); };
  if (std::ranges::none_of(workers, is_left) && std::ranges::none_of(starting, is_other)) {
    if (current->revision > 1) // that one is over may not have been told
      caf::anon_send(caf::actor_cast<pool_actor>(world.pool),
                     make_local(adopt_order{current, true}));
    return;
  }
  job.from = job.to = current;
  begin_rollout();
}

void lifecycle_state::begin_rollout() {
  rollout.begin(job.from->revision, job.to->revision, now());
  events.reload_begun(job.to->revision);
  world.log->write(level::info, reload_category, "reload begun",
                   {{"pool", settings.pool}, {"revision", job.to->revision}});
  ask();
}

void lifecycle_state::go_on() {
  auto verdict = rollout.judge(workers, starting, vacant, now());
  if (verdict.adopt) {
    adopt(*verdict.adopt, false);
    ask();
  }
  for (auto& who : verdict.replace)
    replace_for_reload(who, verdict.trial ? job.to : nullptr);
  if (verdict.start)
    start_trial();
  arm(verdict.next);
  if (verdict.end)
    end_reload(std::move(*verdict.end));
}

void lifecycle_state::adopt(uint32_t revision, bool over) {
  auto& spec = revision == job.to->revision ? job.to : job.from;
  caf::anon_send(caf::actor_cast<pool_actor>(world.pool), make_local(adopt_order{spec, over}));
}

void lifecycle_state::replace_for_reload(const core::recycle_rules::worker& who,
                                         worker_spec_ptr spec) {
  auto done = [to = lifecycle_actor{self}, who](const result<void>& end) {
    caf::anon_send(to, make_local(rollout_step{who, end.has_value()}));
  };
  caf::anon_send(
    caf::actor_cast<pool_actor>(world.pool),
    make_local(replace_order{who, core::recycle_reason::reload, std::move(done), std::move(spec)}));
}

void lifecycle_state::start_trial() {
  auto done = [to = lifecycle_actor{self}](const result<void>& end) {
    caf::anon_send(to, make_local(rollout_step{std::nullopt, end.has_value()}));
  };
  caf::anon_send(caf::actor_cast<pool_actor>(world.pool),
                 make_local(trial_order{job.to, std::move(done)}));
}

void lifecycle_state::end_reload(core::rollout::ending x) {
  adopt(x.revision, true);
  current = x.rolled_back ? job.from : job.to;
  if (job.from != job.to)
    retiring.push_back(x.rolled_back ? job.to : job.from);
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(x.took).count();
  if (x.rolled_back) {
    events.reload_rolled_back(job.to->revision, x.took, x.rolled_back->reason);
    world.log->write(level::warning, reload_category,
                     "reload rolled back: " + to_string(*x.rolled_back),
                     {{"pool", settings.pool}, {"revision", x.revision}});
  } else {
    events.reload_done(x.revision, x.took, x.replaced);
    world.log->write(level::info, reload_category, "reload done",
                     {{"pool", settings.pool},
                      {"revision", x.revision},
                      {"workers", static_cast<uint64_t>(x.replaced)},
                      {"took_us", micros}});
  }
  world.metrics->reloaded(x.rolled_back ? "rolled_back" : "done");
  auto report =
    reload_report{settings.pool, x.revision, x.replaced, x.took, std::move(x.rolled_back)};
  for (auto& request : std::exchange(job.requests, {}))
    request.answer(report);
  auto next = std::exchange(next_reload, {});
  if (next.empty())
    return;
  // One for all: with the newest configuration, if any has one.
  auto has_one = [](auto& request) { return request.make != nullptr; };
  auto newest = std::ranges::find_if(next.rbegin(), next.rend(), has_one);
  std::swap(newest == next.rend() ? next.back() : *newest, next.back());
  auto meant = std::move(next.back());
  next.pop_back();
  begin_reload(std::move(meant));
  for (auto& request : next)
    job.requests.push_back(std::move(request));
}

void lifecycle_state::retire() {
  auto is_gone = [this](const worker_spec_ptr& spec) {
    auto has_it = [&](auto& x) { return x.revision == spec->revision; };
    if (std::ranges::any_of(workers, has_it) || std::ranges::count(starting, spec->revision) > 0)
      return false;
    caf::anon_send(caf::actor_cast<spawner_actor>(world.spawner),
                   make_local(retire_order{spec->origin}));
    return true;
  };
  std::erase_if(retiring, is_gone);
  if (!retiring.empty())
    arm(core::later(now(), retire_interval));
}

} // namespace snakepit
