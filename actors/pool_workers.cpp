#include "actors/pool.hpp"

#include "actors/core/exit_verdict.hpp"
#include "actors/supervision_messages.hpp"

#include <algorithm>

namespace snakepit {

using telemetry::level;

namespace {

/// The innermost frame of what ran, as Python shows it; empty if it is not known.
std::string place_of(const stack_report& x) {
  auto text = tool_stack(x, 1);
  return text.empty() ? text : text.substr(2, text.find('\n') - 2);
}

std::string name_of(uint32_t slot, uint32_t generation) {
  return "worker " + std::to_string(slot) + "." + std::to_string(generation) + " ";
}

/// Apart, since a command that reports such an error itself need not show it twice.
constexpr auto start_category = "pool.start";

} // namespace

// -- workers --------------------------------------------------------------------

void pool_state::start_workers() {
  if (!worker_supervisor)
    return;
  let_leave();
  for (auto& x : slots->due(now()))
    start_worker(x.slot, x.generation);
}

void pool_state::start_worker(uint32_t slot, uint32_t generation) {
  ++counters.starts;
  world.entry->note_generation(generation);
  auto from = spec_for(slot);
  auto cfg = from->make(slot, generation);
  if (!cfg)
    return start_failed(slot, generation, from->revision, std::move(cfg.error()), false);
  auto old = members.find(slot);
  auto& member = (old != members.end() && old->second.up ? successors : members)[slot] = {};
  member.generation = generation;
  member.revision = from->revision;
  auto who = worker_world{caf::actor_cast<caf::actor>(self),
                          world.spawner,
                          world.make_channel,
                          world.log,
                          world.barrier,
                          world.metrics,
                          world.events};
  auto spec = std::make_shared<child_spec>();
  spec->name = std::to_string(slot) + "." + std::to_string(generation);
  spec->restart = core::restart_type::temporary;
  spec->grace.time =
    std::chrono::ceil<std::chrono::milliseconds>(cfg->stop_grace) + worker_patience;
  spec->start = [cfg = std::move(*cfg), who](const start_context& context) {
    return caf::actor_cast<caf::actor>(context.system.spawn(worker, cfg, who));
  };
  self
    ->request(worker_supervisor, settings.config.start.timeout, atom::start_child_v,
              child_spec_ptr{std::move(spec)})
    .then(
      [this, slot, generation](const caf::actor& x) {
        auto* started = find_member(slot, generation);
        if (!started)
          return;
        started->worker = x;
        self->monitor(x);
      },
      [this, slot, generation](const caf::error&) {
        auto* started = find_member(slot, generation);
        if (!started || started->worker)
          return;
        forget(slot, generation);
        slots->on_not_started(slot, generation, now());
        answer_recycles(slot, fail(reason::unavailable, "the pool is being restarted"));
        arm();
        end_drain_if_done();
      });
}

void pool_state::on_worker_leaving(const worker_leaving& x) {
  auto i = members.find(x.slot);
  if (i == members.end() || i->second.generation != x.generation || !i->second.up)
    return;
  leaving.emplace(std::pair{x.slot, x.generation}, std::move(i->second));
  forget(x.slot, x.generation);
  for (uint32_t lane = 0; lane < settings.lanes; ++lane)
    board->hold({x.slot, x.generation, lane}, true);
  slots->on_exit(x.slot, x.generation, now());
  lost_at.emplace(x.slot, now());
  note_standing();
  start_workers();
  dispatch(); // calls that waited for it
  arm();
  end_drain_if_done();
}

pool_state::member* pool_state::find_member(uint32_t slot, uint32_t generation) {
  if (auto i = members.find(slot); i != members.end() && i->second.generation == generation)
    return &i->second;
  if (auto i = successors.find(slot); i != successors.end() && i->second.generation == generation)
    return &i->second;
  auto i = leaving.find({slot, generation});
  return i == leaving.end() ? nullptr : &i->second;
}

void pool_state::on_stacks(stacks_query& x) {
  if (auto why = no_worker(x.slot))
    return x.answer(tl::unexpected{std::move(*why)});
  auto& worker = members.at(x.slot).worker;
  caf::anon_send(caf::actor_cast<worker_actor>(worker), make_local(std::move(x)));
}

void pool_state::on_worker_health(const worker_health& x) {
  auto i = members.find(x.slot);
  if (i == members.end() || i->second.generation != x.generation || !i->second.up)
    return; // it leaves, or is gone: it does not count as ready anyway
  i->second.well = x.well;
  note_standing();
  start_workers(); // others may leave now
  answer_waiters();
}

size_t pool_state::ready() const {
  auto unwell = [](auto& x) { return x.second.up && !x.second.well; };
  return slots->ready() - std::min<size_t>(slots->ready(), std::ranges::count_if(members, unwell));
}

void pool_state::note_exit(const worker_down& x) {
  auto expected = draining || x.certificate->ended_by_us == core::because_recycle;
  if (!draining)
    note_certificate(*x.certificate);
  if (!expected)
    ends.note(name_of(x.slot, x.generation) + core::describe_end(*x.certificate));
  counters.exits += !expected;
  note_crash(*x.certificate);
  slots->on_exit(x.slot, x.generation, now()); // unless it has left before
}

void pool_state::note_certificate(const death_certificate& x) {
  auto importance = x.ended_by_us == core::because_recycle ? level::info : level::warning;
  world.log->write(importance, pool_category, "worker ended: " + x.cause,
                   {{"pool", settings.config.name},
                    {"slot", x.slot},
                    {"pid", x.pid},
                    {"tool", x.running_tool},
                    {"id", x.id},
                    {"sent_by", x.sent_by},
                    {"oom", x.oom},
                    {"at", place_of(x.stacks)},
                    {"in_flight", static_cast<uint64_t>(x.calls_in_flight)},
                    {"max_rss_bytes", x.max_rss_bytes}});
}

void pool_state::take_back(std::vector<core::call_ptr> calls) {
  // They have waited for a worker once; from now on only their deadline counts.
  for (auto& x : calls) {
    x->queue_deadline = x->deadline;
    if (x->bound.generation != 0)
      unbind(*x);
    if (!x->ticket || !x->ticket->cancelled)
      continue;
    give_up_cancelled(*x);
    x.reset();
  }
  std::erase(calls, nullptr);
  for (size_t i = 0; i < calls.size(); ++i)
    events.entered(*calls[i], queue->size() + i + 1, true);
  if (tools->any_batches())
    gather_again(calls);
  queue->push_front(std::move(calls));
  if (slots->failed())
    fail_queued(not_ready());
}

void pool_state::start_failed(uint32_t slot, uint32_t generation, uint32_t revision, error why,
                              bool for_good) {
  tell_trouble(revision, why, for_good);
  ++counters.start_failures;
  if (!draining) { // then it is we who ended it
    world.log->write(level::warning, start_category, "worker did not start: " + to_string(why),
                     {{"pool", settings.config.name}, {"slot", slot}});
    events.start_failed({slot, generation}, why.reason, counters.start_failures);
    ends.note(name_of(slot, generation) + "did not start: " + why.message);
  }
  last_start_error = std::move(why);
  if (revision == spec->revision)
    slots->on_start_failed(slot, generation, for_good, now(), core::is_shortage(*last_start_error));
  else // a try that says nothing of what else there is to start
    slots->on_not_started(slot, generation, now());
  answer_recycles(slot, tl::unexpected{*last_start_error});
  note_standing();
  if (slots->failed())
    fail_queued(not_ready());
  answer_waiters();
}

// -- readiness ------------------------------------------------------------------

void pool_state::answer_waiters() {
  auto pending = std::exchange(waiters, {});
  for (auto& x : pending) {
    auto wanted = x.all ? slots->size() : std::min(settings.config.min_ready, slots->size());
    if (draining)
      x.answer(fail(reason::draining, "pool `" + settings.config.name + "` stops"));
    else if (ready() >= wanted)
      x.answer(report.value_or(start_report{}));
    else if (slots->hopeless())
      x.answer(tl::unexpected{not_ready()});
    else
      waiters.push_back(std::move(x));
  }
}

void pool_state::note_standing() {
  if (draining)
    return;
  auto why = last_start_error ? last_start_error->reason : reason::pool_not_ready;
  auto up = ready();
  auto because = standing.is_enough(up) ? "crashes" : "workers";
  for (auto& x : standing.note(up, slots->failed(), now(), crashes.too_high()))
    events.standing(x, up, counters.start_failures, why, because);
}

error pool_state::not_ready() const {
  auto& name = settings.config.name;
  if (!last_start_error)
    return {reason::pool_not_ready, "pool `" + name + "` is not ready", {{"pool", name}}};
  auto result = *last_start_error;
  result.details.emplace("cause", to_string(result.reason));
  result.details.insert_or_assign("pool", name);
  result.details.insert_or_assign("last_ends", ends.text());
  result.message = "pool `" + name + "` could not start its workers: " + result.message;
  result.reason = reason::pool_failed;
  result.retryable = false;
  return result;
}

} // namespace snakepit
