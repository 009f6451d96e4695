#include "actors/pool.hpp"

#include "actors/caf_reply.hpp"
#include "actors/call_notes.hpp"
#include "actors/supervision_messages.hpp"

#include <algorithm>

namespace snakepit {

using core::time_point;
using telemetry::level;

namespace {

constexpr auto log_category = "pool";
/// How often the lane pages are read while a lane holds more than one call.
constexpr auto look_interval = std::chrono::milliseconds{2};

std::string text(duration x) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(x).count()) + "ms";
}

} // namespace

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
    [&st](local<worker_down>& x) { st.on_worker_down(*x); },
    [&st](local<calls_back>& x) { st.on_calls_back(*x); },
    [&st](local<supervisor_up>& x) { st.on_supervisor_up(*x); },
    [&st](local<ready_waiter>& x) { st.on_waiter(*x); },
    [&st](local<stats_query>& x) { st.on_stats(*x); },
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
  queue = std::make_unique<core::call_queue>(x.queue.max_calls, x.queue.max_bytes);
  board = std::make_unique<core::lane_board>(x.queue.prefetch_time);
  times = std::make_unique<core::run_times>(x.queue.prefetch_time);
  slots = std::make_unique<core::slot_table>(settings.workers, x.start, x.restart);
  world.entry->set_tools(tools);
}

// -- message handlers ---------------------------------------------------------

caf::result<response> pool_state::on_request(request& x) {
  admit(call_of(x, self->current_sender(), self->current_mailbox_element()->mid, settings, now()));
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
  board->hold(x.lane, x.held);
  if (!x.back.empty())
    take_back(std::move(x.back));
  counters.succeeded += x.succeeded;
  counters.late += x.late;
  for (auto& [why, n] : x.failed)
    counters.fail(why, n);
  for (auto& run : x.runs)
    times->note(run.tool, run.count, run.total);
  if (x.succeeded > 0)
    slots->on_good_call(x.lane.slot);
  dispatch();
  end_drain_if_done();
}

void pool_state::on_worker_up(worker_up& x) {
  auto i = members.find(x.slot);
  if (i == members.end() || i->second.generation != x.generation)
    return self->send_exit(x.worker, caf::exit_reason::user_shutdown);
  if (!tools->is_made_of(x.tools)) {
    auto next = tools->with(x.tools);
    if (!next) { // the worker goes; its `worker_down` finds it not up
      last_start_error = std::move(next.error());
      return self->send_exit(x.worker, caf::exit_reason::user_shutdown);
    }
    tools = std::move(*next);
    world.entry->set_tools(tools);
    note_tools(*world.metrics, *tools);
  }
  i->second.up = true;
  i->second.pid = x.pid;
  i->second.worker = x.worker;
  slots->on_ready(x.slot, x.generation, now());
  board->add(x.slot, x.generation, static_cast<uint32_t>(x.pages.size()));
  i->second.watchers.assign(x.pages.size(),
                            core::lane_watch{2 * settings.config.queue.prefetch_time});
  i->second.pages = std::move(x.pages);
  world.log->write(level::info, log_category, "worker ready",
                   {{"pool", settings.config.name}, {"slot", x.slot}, {"pid", x.pid}});
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
  auto i = members.find(x.slot);
  if (i != members.end() && i->second.generation == x.generation) {
    auto up = i->second.up;
    crossing += i->second.sent - std::min(i->second.sent, x.received);
    members.erase(i);
    board->remove(x.slot, x.generation);
    if (up) {
      if (!draining)
        world.log->write(level::warning, log_category, "worker ended: " + x.certificate->cause,
                         {{"pool", settings.config.name},
                          {"slot", x.slot},
                          {"pid", x.certificate->pid},
                          {"tool", x.certificate->running_tool}});
      counters.exits += !draining;
      slots->on_exit(x.slot, x.generation, now());
    } else {
      auto why = x.start_error ? std::move(*x.start_error)
                               : last_start_error.value_or(error{reason::internal, "not started"});
      start_failed(x.slot, x.generation, std::move(why), x.for_good || !x.start_error);
    }
  }
  if (x.worker)
    caf::anon_send(caf::actor_cast<worker_actor>(x.worker), atom::buried_v);
  take_back(std::move(x.returned));
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
  s.workers_target = slots->size();
  s.workers_ready = slots->ready();
  s.workers_starting = slots->starting();
  s.workers_waiting = slots->waiting();
  s.lanes = board->lanes();
  s.busy = board->busy();
  s.queued = queue->size();
  s.queued_bytes = queue->bytes();
  s.in_flight = board->in_flight();
  s.calls_admitted = counters.admitted;
  s.calls_succeeded = counters.succeeded;
  s.calls_failed = counters.failed;
  s.late_replies = counters.late;
  s.rejected = counters.rejected();
  s.errors = counters.errors();
  s.worker_starts = counters.starts;
  s.worker_start_failures = counters.start_failures;
  s.worker_exits = counters.exits;
  x.done(std::move(s));
}

void pool_state::on_cancel(cancel_order& x) {
  auto& ticket = *x.ticket;
  ticket.cancelled = true; // in case the order overtook its call
  if (ticket.queued) {
    auto call = queue->remove(ticket.queued);
    counters.fail(reason::cancelled);
    world.metrics->not_sent(call->group->tool, reason::cancelled);
    call->slot.answer(fail(reason::cancelled, "the caller cancelled `" + call->group->tool + "`"));
    end_drain_if_done();
    return;
  }
  auto i = members.find(ticket.slot);
  if (i != members.end() && i->second.generation == ticket.generation && i->second.worker)
    caf::anon_send(caf::actor_cast<worker_actor>(i->second.worker), make_local(std::move(x)));
}

void pool_state::on_drain(drain_order& x) {
  draining = true;
  slots->stop();
  drained.push_back(std::move(x.done));
  drain_until = std::min(drain_until, core::later(now(), x.timeout));
  answer_waiters();
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
    counters.fail(why);
    world.metrics->not_sent(call->group->tool, why);
    call->slot.answer(fail(why, "`" + call->group->tool + "` waited too long for a worker",
                           {{"pool", settings.config.name}}));
  }
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
    return;
  }
  for (auto& [slot, member] : members) {
    if (member.worker != x.source)
      continue;
    auto down = worker_down{};
    down.slot = slot;
    down.generation = member.generation;
    down.was_ready = member.up;
    down.received = member.sent; // what it had is answered by its end
    auto certificate = std::make_shared<death_certificate>();
    certificate->pool = settings.config.name;
    certificate->slot = slot;
    certificate->generation = member.generation;
    certificate->pid = member.pid;
    certificate->cause = "unknown: its actor ended";
    down.certificate = certificate;
    if (!member.up)
      down.start_error = error{reason::internal, "the worker's actor ended while it started"};
    return on_worker_down(down);
  }
}

// -- admission ------------------------------------------------------------------

void pool_state::admit(core::call_ptr x) {
  if (auto why = refusal(*x)) {
    counters.reject(why->reason);
    return x->slot.answer(tl::unexpected{std::move(*why)});
  }
  ++counters.admitted;
  queue->push_back(std::move(x));
}

std::optional<error> pool_state::refusal(core::call& x) {
  auto& config = settings.config;
  if (x.ticket && x.ticket->cancelled)
    return error{reason::cancelled, "the caller cancelled `" + x.group->tool + "`"};
  if (draining)
    return error{reason::draining, "pool `" + config.name + "` stops and takes no new calls"};
  if (slots->failed())
    return not_ready();
  if (tools->known())
    if (auto ok = tools->check(x); !ok)
      return std::move(ok.error());
  if (auto why = core::check_size(x.bytes(), config.limits.inline_bytes))
    return why;
  if (queue->has_room(x.bytes()))
    return std::nullopt;
  auto mean = times->foresee(x.tool);
  auto wait = mean * static_cast<int64_t>(queue->size() + 1)
              / static_cast<int64_t>(std::max<size_t>(board->lanes(), 1));
  return error{reason::pool_saturated,
               "pool `" + config.name + "` has as many calls waiting as it may ("
                 + std::to_string(queue->size()) + ")",
               {{"pool", config.name},
                {"queued", std::to_string(queue->size())},
                {"retry_after", text(wait)}}};
}

// -- dispatch -------------------------------------------------------------------

void pool_state::dispatch() {
  while (!queue->empty()) {
    auto lane = board->pick();
    if (!lane)
      break;
    auto worth = duration{0};
    auto calls = take(*lane, worth);
    if (calls.empty())
      continue;
    board->sent(*lane, calls.size(), worth);
    note_batch(*world.metrics, calls, now());
    auto& member = members.at(lane->slot);
    member.sent += calls.size();
    caf::anon_send(caf::actor_cast<worker_actor>(member.worker),
                   make_local(lane_batch{lane->lane, std::move(calls)}));
  }
  if (queue->next_deadline() < armed)
    arm();
  keep_looking();
}

std::vector<core::call_ptr> pool_state::take(const core::lane_id& lane, duration& worth) {
  auto result = std::vector<core::call_ptr>{};
  auto allowance = board->room(lane, queue->size());
  auto most = std::min<size_t>(allowance.calls, core::max_batch_calls);
  auto bytes = uint64_t{0};
  while (auto* call = next_call()) {
    auto foreseen = times->foresee(call->tool);
    if (!result.empty()
        && (result.size() >= most || worth + foreseen > allowance.worth
            || bytes + call->bytes() > core::max_batch_bytes || call->kind != result.front()->kind))
      break;
    worth += foreseen;
    bytes += call->bytes();
    result.push_back(queue->pop_front());
    if (auto& ticket = result.back()->ticket) {
      ticket->slot = lane.slot;
      ticket->generation = lane.generation;
    }
  }
  return result;
}

const core::call* pool_state::next_call() {
  while (auto* front = queue->front()) {
    if (front->checked)
      return front;
    // Admitted before the first worker had said what tools there are.
    auto call = queue->pop_front();
    if (auto ok = tools->check(*call); !ok) {
      counters.fail(ok.error().reason);
      world.metrics->not_sent(call->group->tool, ok.error().reason);
      call->slot.answer(tl::unexpected{std::move(ok.error())});
      continue;
    }
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
  for (auto& [slot, member] : members)
    for (uint32_t i = 0; i < member.watchers.size(); ++i) {
      auto& page = member.pages[i];
      auto advice = member.watchers[i].look(time, page.claimed(), page.done(), page.acked());
      if (advice && board->is_crowded({slot, member.generation, i}))
        caf::anon_send(caf::actor_cast<worker_actor>(member.worker),
                       make_local(lane_look{i, advice.revoke}));
    }
  keep_looking();
}

// -- workers --------------------------------------------------------------------

void pool_state::start_workers() {
  if (!worker_supervisor)
    return;
  for (auto& x : slots->due(now()))
    start_worker(x.slot, x.generation);
}

void pool_state::start_worker(uint32_t slot, uint32_t generation) {
  ++counters.starts;
  auto cfg = settings.worker(slot, generation);
  if (!cfg)
    return start_failed(slot, generation, std::move(cfg.error()), false);
  auto& member = members[slot] = {};
  member.generation = generation;
  auto who = worker_world{caf::actor_cast<caf::actor>(self),
                          world.spawner,
                          world.make_channel,
                          world.log,
                          world.barrier,
                          world.metrics};
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
        auto i = members.find(slot);
        if (i == members.end() || i->second.generation != generation)
          return;
        i->second.worker = x;
        self->monitor(x);
      },
      [this, slot, generation](const caf::error&) {
        auto i = members.find(slot);
        if (i == members.end() || i->second.generation != generation || i->second.worker)
          return;
        members.erase(i);
        slots->on_not_started(slot, generation, now());
        arm();
      });
}

void pool_state::take_back(std::vector<core::call_ptr> calls) {
  // They have waited for a worker once; from now on only their deadline counts.
  for (auto& x : calls) {
    x->queue_deadline = x->deadline;
    if (!x->ticket || !x->ticket->cancelled)
      continue;
    counters.fail(reason::cancelled);
    world.metrics->not_sent(x->group->tool, reason::cancelled);
    x->slot.answer(fail(reason::cancelled, "the caller cancelled `" + x->group->tool + "`"));
    x.reset();
  }
  std::erase(calls, nullptr);
  queue->push_front(std::move(calls));
  if (slots->failed())
    fail_queued(not_ready());
}

void pool_state::start_failed(uint32_t slot, uint32_t generation, error why, bool for_good) {
  ++counters.start_failures;
  if (!draining) // then it is we who ended it
    world.log->write(level::warning, log_category, "worker did not start: " + to_string(why),
                     {{"pool", settings.config.name}, {"slot", slot}});
  last_start_error = std::move(why);
  slots->on_start_failed(slot, generation, for_good, now());
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
    else if (slots->ready() >= wanted)
      x.answer(report.value_or(start_report{}));
    else if (slots->hopeless())
      x.answer(tl::unexpected{not_ready()});
    else
      waiters.push_back(std::move(x));
  }
}

error pool_state::not_ready() const {
  auto& name = settings.config.name;
  if (!last_start_error)
    return {reason::pool_not_ready, "pool `" + name + "` is not ready", {{"pool", name}}};
  auto result = *last_start_error;
  result.details.emplace("cause", to_string(result.reason));
  result.details.insert_or_assign("pool", name);
  result.message = "pool `" + name + "` could not start its workers: " + result.message;
  result.reason = reason::pool_failed;
  result.retryable = false;
  return result;
}

// -- ending ---------------------------------------------------------------------

void pool_state::fail_queued(const error& why) {
  for (auto& call : queue->clear()) {
    counters.fail(why.reason);
    world.metrics->not_sent(call->group->tool, why.reason);
    call->slot.answer(tl::unexpected{why});
  }
}

void pool_state::end_drain_if_done() {
  if (draining && slots->ready() == 0 && slots->starting() == 0)
    fail_queued({reason::draining, "the pool stops"});
  auto idle = queue->empty() && board->in_flight() == 0 && crossing == 0;
  if (drained.empty() || (!idle && now() < drain_until))
    return;
  for (auto& done : std::exchange(drained, {}))
    done();
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
  auto at = std::min({queue->next_deadline(), slots->next_due(), drain_until});
  if (worker_supervisor == nullptr)
    at = std::min(queue->next_deadline(), drain_until);
  if (drained.empty() && drain_until != core::never && now() >= drain_until)
    at = queue->next_deadline();
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
  return slots->ready() >= std::min(settings.config.min_ready, slots->size()) ? "ready"
                                                                              : "starting";
}

} // namespace snakepit
