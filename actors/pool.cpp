#include "actors/pool.hpp"

#include "actors/caf_reply.hpp"
#include "actors/call_notes.hpp"

#include <algorithm>

namespace snakepit {

using telemetry::level;

pool_actor::behavior_type pool(pool_actor::stateful_pointer<pool_state> self,
                               pool_settings settings, pool_world world) {
  auto& st = self->state;
  st.init(std::move(settings), std::move(world));
  self->set_down_handler([&st](const caf::down_msg& x) { st.on_down(x); });
  return {
    [&st](request& x) { return st.on_request(x); },
    [&st](local<core::submission>& x) { st.on_submission(*x); },
    [&st](local<lane_done>& x) { st.on_lane_done(*x); },
    [&st](local<worker_up>& x) { st.on_worker_up(*x); },
    [&st](local<worker_leaving>& x) { st.on_worker_leaving(*x); },
    [&st](local<worker_health>& x) { st.on_worker_health(*x); },
    [&st](local<worker_down>& x) { st.on_worker_down(*x); },
    [&st](local<calls_back>& x) { st.on_calls_back(*x); },
    [&st](local<supervisor_up>& x) { st.on_supervisor_up(*x); },
    [&st](local<ready_waiter>& x) { st.on_waiter(*x); },
    [&st](local<stats_query>& x) { st.on_stats(*x); },
    [&st](local<stacks_query>& x) { st.on_stacks(*x); },
    [&st](local<poison_query>& x) { st.on_poison(*x); },
    [&st](local<recycle_order>& x) { st.on_recycle(*x); },
    [&st](local<life_query>& x) { st.on_life_query(*x); },
    [&st](local<replace_order>& x) { st.on_replace(*x); },
    [&st](local<trial_order>& x) { st.on_trial(*x); },
    [&st](local<adopt_order>& x) { st.on_adopt(*x); },
    [&st](local<end_order>& x) { st.on_end(*x); },
    [&st](local<memory_seen>& x) { st.on_memory(*x); },
    [&st](local<cancel_order>& x) { st.on_cancel(*x); },
    [&st](local<drain_order>& x) { st.on_drain(*x); },
    [&st](atom::tick) { st.on_tick(); },
    [&st](atom::look) { st.on_look(); },
  };
}

void pool_state::init(pool_settings cfg, pool_world w) {
  settings = std::move(cfg);
  world = std::move(w);
  auto& x = settings.config;
  queue = std::make_unique<core::call_queue>(x.queue.max_calls, x.queue.max_bytes, x.queue.ageing);
  // A lane on a loop has one call at a time: what stood behind one that waits would wait, too.
  board =
    std::make_unique<core::lane_board>(x.profile == "async" ? duration{0} : x.queue.prefetch_time);
  times = std::make_unique<core::run_times>(x.queue.prefetch_time);
  slots =
    std::make_unique<core::slot_table>(settings.workers, x.start, x.restart,
                                       x.recycle.max_unavailable, world.entry->last_generation());
  if (x.autoscale.max > 0)
    scaler = std::make_unique<core::autoscaler>(x.autoscale, settings.lanes, now());
  poison = std::make_unique<core::poison_table>(x.poison);
  if (x.breaker.enabled)
    breaker = std::make_unique<core::breaker>(x.breaker);
  taints = core::crash_barrier{x.crash_barrier};
  crashes = core::crash_rate{x.health};
  usual_affinity = find_affinity(x.affinity).value_or(affinity::hint);
  standing = {std::min(x.min_ready, slots->size()), slots->size()};
  events = {world.events, x.name, [this] { return now(); }};
  world.entry->set_tools(tools);
  spec = world.entry->spec() ? world.entry->spec() : settings.spec;
}

// -- message handlers ---------------------------------------------------------

caf::result<response> pool_state::on_request(request& x) {
  auto call =
    call_of(x, self->current_sender(), self->current_mailbox_element()->mid, settings, now());
  note_caller(*call);
  admit(std::move(call));
  dispatch();
  return caf::delegated<response>{};
}

void pool_state::on_submission(core::submission& x) {
  for (auto& call : std::exchange(x.calls, {})) {
    // Many calls at once fill the lanes before they fill the queue.
    if (!queue->has_room(call->bytes()))
      dispatch();
    admit(std::move(call));
  }
  dispatch();
}

void pool_state::on_lane_done(lane_done& x) {
  board->ended(x.lane, x.ended);
  // One that leaves may have said so before it was told to.
  board->hold(x.lane, x.held || leaving.contains({x.lane.slot, x.lane.generation}));
  if (!x.back.empty())
    take_back(std::move(x.back));
  counters.succeeded += x.succeeded;
  counters.late += x.late;
  for (auto& [why, n] : x.failed)
    counters.fail(why, n);
  auto ran = uint64_t{x.late};
  for (auto& run : x.runs) {
    times->note(run);
    ran += run.count;
  }
  totals.add(x.times, now());
  note_ends(x.ends);
  auto i = members.find(x.lane.slot);
  if (i != members.end() && i->second.generation == x.lane.generation) {
    if (x.succeeded > 0) {
      slots->on_good_call(x.lane.slot);
      note_good_calls(x.lane.slot, x.succeeded);
    }
    note_ran(i->second, ran);
  } else if (auto* old = find_member(x.lane.slot, x.lane.generation)) {
    note_ran(*old, ran);
  }
  if (queue->apart() > 0)
    serve_bound(x.lane.slot);
  dispatch();
  end_drain_if_done();
}

void pool_state::on_worker_up(worker_up& x) {
  auto* up = find_member(x.slot, x.generation);
  if (!up)
    return self->send_exit(x.worker, caf::exit_reason::user_shutdown);
  if (auto ok = learn_tools(*up, x.tools); !ok) {
    // The worker goes; its `worker_down` finds it not up.
    last_start_error = std::move(ok.error());
    return self->send_exit(x.worker, caf::exit_reason::user_shutdown);
  }
  up->up = true;
  up->pid = x.pid;
  up->worker = x.worker;
  slots->on_ready(x.slot, x.generation, now());
  auto name = worker_name{x.slot, x.generation, x.pid};
  events.ready(name, x.took, x.tools.size());
  if (auto lost = lost_at.extract(x.slot))
    events.restarted(name, now() - lost.mapped());
  note_standing();
  board->add(x.slot, x.generation, static_cast<uint32_t>(x.pages.size()));
  up->watchers.assign(x.pages.size(), core::lane_watch{2 * settings.config.queue.prefetch_time});
  up->pages = std::move(x.pages);
  world.log->write(level::info, pool_category, "worker ready",
                   {{"pool", settings.config.name}, {"slot", x.slot}, {"pid", x.pid}});
  succeed(x.slot);
  if (state() == "ready")
    world.metrics->became_ready();
  note_resources();
  start_workers();
  answer_waiters();
  dispatch();
  end_drain_if_done();
  arm();
}

void pool_state::on_worker_down(worker_down& x) {
  world.metrics->exited(*x.certificate);
  if (x.certificate->pid != 0) {
    events.exited(*x.certificate);
    world.entry->deaths().add(x.certificate);
  }
  if (auto* gone = find_member(x.slot, x.generation)) {
    auto up = gone->up;
    auto revision = gone->revision;
    crossing += gone->sent - std::min(gone->sent, x.received);
    board->remove(x.slot, x.generation);
    auto had_left = leaving.erase({x.slot, x.generation}) > 0;
    if (!had_left)
      forget(x.slot, x.generation);
    if (up) {
      note_exit(x);
      if (x.certificate->ended_by_us.empty())
        tell_trouble(revision, core::lost_worker(x.certificate), false);
      if (!had_left)
        lost_at.emplace(x.slot, now());
      note_standing();
    } else {
      auto why = x.start_error ? std::move(*x.start_error)
                               : last_start_error.value_or(error{reason::internal, "not started"});
      start_failed(x.slot, x.generation, revision, std::move(why), x.for_good || !x.start_error);
    }
  }
  if (x.worker)
    caf::anon_send(caf::actor_cast<worker_actor>(x.worker), atom::buried_v);
  take_back(std::move(x.returned));
  take_lost(x);
  start_workers();
  answer_waiters();
  dispatch();
  arm();
  end_drain_if_done();
}

void pool_state::on_calls_back(calls_back& x) {
  crossing -= std::min<uint64_t>(crossing, x.calls.size());
  take_back(std::move(x.calls));
  dispatch();
  arm();
  end_drain_if_done();
}

void pool_state::on_supervisor_up(supervisor_up& x) {
  worker_supervisor = x.worker_supervisor;
  self->monitor(worker_supervisor);
  if (!report)
    report = start_report{world.measure({}), {}};
  if (!std::exchange(begun, true)) {
    standing.begin(now());
    events.start_begun(slots->size());
  }
  start_workers();
  arm();
}

void pool_state::on_waiter(ready_waiter& x) {
  waiters.push_back(std::move(x));
  answer_waiters();
}

void pool_state::on_stats(stats_query& x) {
  auto& config = settings.config;
  auto s = pool_stats{};
  s.name = config.name;
  s.state = state();
  s.revision = spec->revision;
  s.workers_target = slots->size();
  s.workers_ready = ready();
  s.workers_unwell = slots->ready() - s.workers_ready;
  s.workers_starting = slots->starting();
  s.workers_waiting = slots->waiting();
  s.lanes = ready() * settings.lanes;
  s.busy = board->busy();
  s.queued = queue->size() + retries.size();
  s.queued_bytes = queue->bytes();
  s.in_flight = board->in_flight();
  s.calls_admitted = counters.admitted;
  s.calls_succeeded = counters.succeeded;
  s.calls_failed = counters.failed;
  s.calls_retried = counters.retried;
  s.late_replies = counters.late;
  s.rejected = counters.rejected();
  s.errors = counters.errors();
  s.worker_starts = counters.starts;
  s.worker_start_failures = counters.start_failures;
  s.worker_exits = counters.exits;
  s.workers = worker_list();
  add_trouble(s);
  x.done(std::move(s));
}

void pool_state::on_cancel(cancel_order& x) {
  auto& ticket = *x.ticket;
  ticket.cancelled = true; // in case the order overtook its call
  ticket.caller_gone |= x.caller_gone;
  if (ticket.queued) {
    auto call = queue->remove(ticket.queued);
    events.left(*call);
    give_up_cancelled(*call);
    end_drain_if_done();
    return;
  }
  if (auto call = retries.withdraw(&ticket)) {
    give_up_cancelled(*call);
    end_drain_if_done();
    return;
  }
  auto* member = find_member(ticket.slot, ticket.generation);
  if (member && member->worker)
    caf::anon_send(caf::actor_cast<worker_actor>(member->worker), make_local(std::move(x)));
}

void pool_state::on_drain(drain_order& x) {
  if (!std::exchange(draining, true))
    drain_begun = now();
  slots->stop();
  end_retries();
  queue->flush_groups();
  drained.push_back(std::move(x.done));
  drain_until = std::min(drain_until, core::later(now(), x.timeout));
  answer_waiters();
  for (auto& order : std::exchange(recycles, {}))
    order.answer(fail(reason::draining, "pool `" + settings.config.name + "` stops"));
  if (!queue->groups().empty())
    dispatch();
  end_drain_if_done();
  arm();
}

void pool_state::on_tick() {
  if (now() < armed)
    return; // an earlier one was armed meanwhile
  armed = core::never;
  for (auto& call : queue->expire(now())) {
    auto late = call->deadline <= now();
    auto why = late ? reason::deadline_exceeded : reason::queue_timeout;
    events.timed_out(*call, why);
    give_up(*call, {why,
                    "`" + call->group->tool + "` waited too long for a worker",
                    {{"pool", settings.config.name}}});
  }
  run_again();
  end_trouble();
  start_workers();
  if (now() >= drain_until)
    fail_queued({reason::draining, "the pool stops"});
  dispatch();
  end_drain_if_done();
  arm();
}

void pool_state::on_down(const caf::down_msg& x) {
  if (worker_supervisor == x.source) {
    worker_supervisor = nullptr; // `supervisor_up` brings the next one
    return end_drain_if_done();
  }
  if (auto gone = callers.extract(x.source))
    return end_calls_of(std::move(gone.mapped()));
  for (auto& [slot, member] : members)
    if (member.worker == x.source)
      return on_actor_down(slot, member);
  for (auto& [slot, member] : successors)
    if (member.worker == x.source)
      return on_actor_down(slot, member);
  for (auto& [key, member] : leaving)
    if (member.worker == x.source)
      return on_actor_down(key.first, member);
}

void pool_state::on_actor_down(uint32_t slot, const member& x) {
  auto down = worker_down{};
  down.slot = slot;
  down.generation = x.generation;
  down.was_ready = x.up;
  down.received = x.sent; // what it had is answered by its end
  auto certificate = std::make_shared<death_certificate>();
  certificate->pool = settings.config.name;
  certificate->slot = slot;
  certificate->generation = x.generation;
  certificate->pid = x.pid;
  certificate->cause = "unknown: its actor ended";
  down.certificate = certificate;
  if (!x.up)
    down.start_error = error{reason::internal, "the worker's actor ended while it started"};
  on_worker_down(down);
}

// -- small things ---------------------------------------------------------------

void pool_state::note_resources() {
  if (!report || slots->starting() > 1)
    return; // read /proc once a batch, not once a worker
  auto pids = std::vector<int64_t>{};
  for (auto& [slot, member] : members)
    if (member.pid != 0)
      pids.push_back(member.pid);
  auto use = world.measure(pids);
  auto& peak = report->peak;
  peak.processes = std::max(peak.processes, use.processes);
  peak.threads = std::max(peak.threads, use.threads);
  peak.descriptors = std::max(peak.descriptors, use.descriptors);
  peak.memory_bytes = std::max(peak.memory_bytes, use.memory_bytes);
}

void pool_state::arm() {
  auto at = std::min({queue->next_deadline(), retries.next_due(), slots->next_due(), drain_until});
  if (worker_supervisor == nullptr)
    at = std::min({queue->next_deadline(), retries.next_due(), drain_until});
  if (drained.empty() && drain_until != core::never && now() >= drain_until)
    at = queue->next_deadline();
  at = std::min({at, trouble_due(), scale_due()});
  if (!queue->groups().empty())
    at = std::min(at, queue->groups().next_due(now()));
  if (at >= armed)
    return;
  armed = at;
  auto time = now();
  self->delayed_send(self, at > time ? at - time : duration{0}, atom::tick_v);
}

std::string pool_state::state() const {
  if (draining)
    return "draining";
  if (slots->failed())
    return "failed";
  if (standing.is_enough(ready()))
    return crashes.too_high() ? "degraded" : "ready";
  return standing.was_ready() ? "degraded" : "starting";
}

} // namespace snakepit
