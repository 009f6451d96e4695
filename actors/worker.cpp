#include "actors/worker.hpp"

#include "actors/core/call_options.hpp"
#include "actors/core/exit_verdict.hpp"

#include <csignal>

namespace snakepit {

using namespace std::chrono_literals;
using core::time_point;

namespace {

/// After the process is gone: how long the ends of its streams are awaited.
constexpr auto stream_wait = 200ms;
/// The same for the answer to Hello, in which a worker that ends says why: gRPC's threads may be
/// late with it on a busy machine, and nobody's call waits meanwhile.
constexpr auto hello_wait = 1s;

/// Callbacks come from other threads: each becomes a message.
io::channel_events channel_events_for(const worker_actor& to) {
  auto result = io::channel_events{};
  result.on_greeted = [to](snakepit::result<core::hello_reply> x) {
    caf::anon_send(to, make_local(greeted{std::move(x)}));
  };
  result.on_results = [to](core::results x) { caf::anon_send(to, make_local(std::move(x))); };
  result.on_lane_closed = [to](uint32_t lane, std::string why) {
    caf::anon_send(to, make_local(lane_closed{lane, std::move(why)}));
  };
  result.on_heartbeat = [to](uint64_t nonce, duration round_trip) {
    caf::anon_send(to, make_local(heartbeat_answer{nonce, round_trip}));
  };
  return result;
}

} // namespace

worker_actor::behavior_type worker(worker_actor::stateful_pointer<worker_state> self,
                                   worker_config cfg, worker_world world) {
  auto& st = self->state;
  st.cfg = std::move(cfg);
  st.world = std::move(world);
  st.events = {st.world.events, st.cfg.hello.pool, [&st] { return st.now(); }};
  self->set_exit_handler([&st](caf::exit_msg& x) {
    if (x.reason == caf::exit_reason::kill)
      st.self->quit(x.reason);
    else
      st.on_stop();
  });
  self->set_down_handler([&st](const caf::down_msg&) { st.on_pool_down(); });
  self->monitor(st.world.pool);
  st.launch();
  return {
    [&st](local<launched>& x) { st.on_launched(*x); },
    [&st](atom::listening) { st.on_listening(); },
    [&st](local<start_refused>& x) { st.on_refused(*x); },
    [&st](local<greeted>& x) { st.on_greeted(*x); },
    [&st](local<core::results>& x) { st.on_results(*x); },
    [&st](local<lane_closed>& x) { st.on_lane_closed(*x); },
    [&st](local<heartbeat_answer>& x) { st.on_heartbeat(*x); },
    [&st](local<io::exit_status>& x) { st.on_exit(*x); },
    [&st](local<lane_batch>& x) { st.on_batch(*x); },
    [&st](local<cancel_order>& x) { st.on_cancel(*x); },
    [&st](local<lane_look>& x) { st.on_look(*x); },
    [&st](local<stacks_taken>& x) { st.on_stacks(*x); },
    [&st](local<stacks_query>& x) { st.on_query(*x); },
    [&st](atom::leave, std::string& why) { st.on_leave(std::move(why)); },
    [&st](local<end_order>& x) { st.on_end(*x); },
    [&st](atom::buried) { st.on_buried(); },
    [&st](atom::tick) { st.on_tick(); },
  };
}

// -- message handlers ---------------------------------------------------------

void worker_state::on_launched(launched& x) {
  if (phase != worker_phase::spawning)
    return; // told to stop meanwhile; dropping the process ends it
  if (!x.process) {
    start_error = std::move(x.process.error());
    return settle();
  }
  process = std::move(*x.process);
  *pid = process->identity().pid;
  phase = worker_phase::binding;
  world.metrics->launched(process->is_forked());
  note_phase(telemetry::start_phase::spawn);
  events.spawned(its_name(), phase_begun - born, process->is_forked());
}

void worker_state::on_listening() {
  if (phase != worker_phase::binding)
    return;
  phase = worker_phase::greeting;
  note_phase(telemetry::start_phase::listen);
  channel = world.make_channel(channel_events_for(worker_actor{self}));
  hello_is_out = true;
  channel->greet(cfg.launch.socket_path, process->identity().pid, cfg.hello);
}

void worker_state::on_refused(start_refused& x) {
  if (starting())
    refuse(io::decode_error(x.text));
}

void worker_state::on_greeted(greeted& x) {
  hello_is_out = false;
  if (phase == worker_phase::dying)
    return on_late_answer(x);
  if (phase != worker_phase::greeting || start_error || kill_at != core::never || !doomed.empty())
    return;
  if (!x.reply) {
    if (core::is_lost_start(x.reply.error()))
      return expect_end("protocol");
    return refuse(std::move(x.reply.error()));
  }
  phase = worker_phase::probing;
  note_phase(telemetry::start_phase::greet);
  for (auto& tool : x.reply->tools)
    tools.emplace(tool.description.name, tool.number);
  hello_tools = std::move(x.reply->tools);
  has_barrier = x.reply->has_barrier;
  channel->open(cfg.hello.lanes);
  lanes.resize(cfg.hello.lanes);
  for (uint32_t i = 0; i < lanes.size(); ++i)
    lanes[i].page = process->page(i);
  // A call on one lane of a loop proves them all.
  unproved = cfg.hello.on_loop ? 1 : lanes.size();
  for (uint32_t i = 0; i < unproved; ++i) {
    auto probe = core::batch{i, lanes[i].calls.next_seq(), core::payload_kind::json, {}};
    probe.items.push_back({core::tool_number::probe, 0, "{}", nullptr, nullptr});
    lanes[i].calls.add(std::make_unique<core::call>());
    channel->send(probe);
  }
}

void worker_state::on_results(core::results& x) {
  if (x.lane >= lanes.size() || phase == worker_phase::settled)
    return;
  if (!was_ready)
    return on_proved(x);
  take_finals(x);
  auto& revocation = lanes[x.lane].revocation;
  if (x.revoked_from != 0 && revocation.active())
    take_above(x.lane, revocation.on_report(x.revoked_from));
  release(x.lane);
  leave_if_done();
}

void worker_state::on_lane_closed(lane_closed& x) {
  if (x.lane < lanes.size())
    lanes[x.lane].closed = true;
  if (phase == worker_phase::dying)
    return settle_if_done();
  if (phase == worker_phase::stopping || exit || kill_at != core::never || !doomed.empty())
    return;
  // It comes a few milliseconds before the end of the process that caused it, which may be told
  // much later.
  expect_end("protocol");
  if (phase == worker_phase::ready)
    for (uint32_t i = 0; i < lanes.size(); ++i)
      tell_pool(done_on(i)); // that they take no more
}

void worker_state::on_exit(io::exit_status& x) {
  if (phase == worker_phase::settled)
    return;
  exit = x;
  if (phase == worker_phase::stopping && was_told)
    ended_by_us = kill_because; // it did as it was told, if within its grace or after
  if (x.known && x.signal == SIGKILL && !x.killed_by_host)
    ended_by_us.clear(); // others were faster
  if (phase != worker_phase::dying)
    phase_at_exit = phase;
  phase = worker_phase::dying;
  kill_at = doom_at = core::never;
  settle_at = core::later(now(), hello_is_out ? duration{hello_wait} : duration{stream_wait});
  arm(settle_at);
  settle_if_done();
}

void worker_state::on_batch(lane_batch& x) {
  if (phase == worker_phase::settled)
    return caf::anon_send(world.pool, make_local(calls_back{std::move(x.calls)}));
  calls_received += x.calls.size();
  if (x.lane >= lanes.size()) {
    for (auto& call : x.calls)
      returned.push_back(std::move(call));
    return;
  }
  if (takes_none(x.lane)) {
    // It was sent before the POOL heard of that.
    auto done = done_on(x.lane);
    done.ended = x.calls.size();
    done.back = std::move(x.calls);
    return tell_pool(std::move(done));
  }
  send(x.lane, std::move(x.calls), x.together);
  arm(lanes[x.lane].calls.next_deadline());
}

void worker_state::on_cancel(cancel_order& x) {
  for (uint32_t i = 0; i < lanes.size(); ++i) {
    auto seq = lanes[i].calls.find_ticket(x.ticket.get());
    auto call = lanes[i].calls.withdraw(x.ticket.get());
    if (!call)
      continue;
    auto ends = std::vector<ending>{};
    auto why = core::cancelled(*call, x.caller_gone);
    ends.emplace_back(std::move(call), std::move(why));
    answer(std::move(ends), done_on(i));
    if (seq > lanes[i].page.claimed())
      revoke(i);
    press(lanes[i]);
    leave_if_done();
    return arm_all();
  }
}

void worker_state::on_look(lane_look& x) {
  if (phase != worker_phase::ready || x.lane >= lanes.size())
    return;
  read_journal(x.lane);
  if (x.revoke)
    revoke(x.lane);
  leave_if_done();
  arm_all();
}

void worker_state::on_buried() {
  self->quit();
}

void worker_state::on_tick() {
  if (now() < armed || phase == worker_phase::settled)
    return; // an earlier one was armed meanwhile
  armed = core::never;
  if (starting() && now() >= start_deadline && !start_error && kill_at == core::never) {
    start_error = error{reason::start_timeout,
                        "the worker was not ready in time; it " + std::string{doing(phase)}};
    kill("start");
  }
  if (now() >= kill_at)
    kill(kill_because);
  if (now() >= doom_at)
    end_unseen();
  expire_overdue();
  for (uint32_t i = 0; i < lanes.size() && phase < worker_phase::settled; ++i) {
    expire(i);
    press(lanes[i]);
    if (now() >= lanes[i].look_at)
      try_taking(i);
  }
  look_at_loop();
  look_at_health();
  leave_if_done();
  if (now() >= settle_at)
    return settle();
  arm_all();
}

void worker_state::on_stop() {
  if (phase >= worker_phase::stopping)
    return;
  if (phase != worker_phase::ready) {
    if (!start_error)
      start_error = error{reason::draining, "the pool stops"};
    if (phase == worker_phase::spawning)
      return settle(); // `launched` will find nobody, which ends the process
    return kill_now("shutdown");
  }
  ask_to_end("shutdown");
}

void worker_state::on_pool_down() {
  pool_gone = true;
  if (phase == worker_phase::settled)
    self->quit();
}

// -- small things ---------------------------------------------------------------

void worker_state::note_phase(telemetry::start_phase x) {
  auto time = now();
  world.metrics->started(x, time - std::exchange(phase_begun, time));
}

void worker_state::arm(time_point at) {
  if (at >= armed || phase == worker_phase::settled)
    return;
  armed = at;
  auto time = now();
  self->delayed_send(self, at > time ? at - time : 0ns, atom::tick_v);
}

void worker_state::arm_all() {
  auto at = std::min({kill_at, settle_at, doom_at});
  for (auto& x : overdue)
    at = std::min(at, x.at);
  if (phase >= worker_phase::dying || !doomed.empty()) {
    // Nothing but its end is waited for; calls have their deadlines all the same.
    for (auto& lane : lanes)
      at = std::min({at, lane.calls.next_deadline(), lane.look_at});
  } else {
    if (starting() && !start_error && kill_at == core::never)
      at = std::min(at, start_deadline);
    at = std::min({at, leave_at, health_due()});
    if (phase == worker_phase::ready)
      at = std::min(at, loop.next_due());
    for (auto& lane : lanes)
      at = std::min(at, next_due(lane));
  }
  arm(at);
}

worker_name worker_state::its_name() const {
  return {cfg.hello.slot, cfg.hello.generation, process ? process->identity().pid : 0};
}

void worker_state::tell_pool(lane_done x) {
  caf::anon_send(world.pool, make_local(std::move(x)));
}

lane_done worker_state::done_on(uint32_t index) const {
  auto result = lane_done{};
  result.lane = {cfg.hello.slot, cfg.hello.generation, index};
  result.held = index < lanes.size() && takes_none(index);
  return result;
}

bool worker_state::takes_none(uint32_t index) const {
  auto& lane = lanes[index];
  // Once ready it waits for its end by itself only if that has begun.
  return phase != worker_phase::ready || is_leaving() || kill_at != core::never || is_held(lane)
         || lane.revocation.active();
}

} // namespace snakepit
