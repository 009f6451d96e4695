#include "actors/worker.hpp"

#include "actors/core/exit_verdict.hpp"
#include "actors/spawner.hpp"

namespace snakepit {

using namespace std::chrono_literals;
using core::time_point;

namespace {

/// After the process is gone: how long the ends of its streams are awaited.
constexpr auto stream_wait = 200ms;
/// The same for the answer to Hello, in which a worker that ends says why: gRPC's threads may be
/// late with it on a busy machine, and nobody's call waits meanwhile.
constexpr auto hello_wait = 1s;
/// After a stream is lost, or the worker said that it cannot start: how long the process has to end
/// by itself, so that its own cause of death is not covered by our kill.
constexpr auto last_words = 500ms;
/// After SIGKILL: how long the process may take. One in an uninterruptible wait can take for ever.
/// It must be over before the supervisor loses patience (`worker_patience`), which would answer
/// nobody.
constexpr auto kill_wait = 2s;

constexpr size_t certificate_stderr = 4096;

std::string_view doing(worker_phase x) {
  switch (x) {
  case worker_phase::spawning:
    return "was being started";
  case worker_phase::binding:
    return "started its interpreter and server";
  case worker_phase::greeting:
    return "loaded and initialized its adapter";
  default:
    return "answered its probe";
  }
}

/// Callbacks come from other threads: each becomes a message.
io::process_events process_events_for(const worker_actor& to, const worker_config& cfg,
                                      const std::shared_ptr<telemetry::log>& log,
                                      const std::shared_ptr<std::atomic<int64_t>>& pid) {
  auto pool = cfg.hello.pool;
  auto slot = cfg.hello.slot;
  auto generation = cfg.hello.generation;
  auto result = io::process_events{};
  result.on_listening = [to] { caf::anon_send(to, atom::listening_v); };
  result.on_refused = [to](std::string text) {
    caf::anon_send(to, make_local(start_refused{std::move(text)}));
  };
  result.on_output = [log, pid, pool, slot, generation](bool is_stderr, std::string_view line) {
    log->worker_output(pool, slot, generation, *pid, is_stderr, line);
  };
  result.on_exit = [to](io::exit_status x) { caf::anon_send(to, make_local(x)); };
  return result;
}

io::channel_events channel_events_for(const worker_actor& to) {
  auto result = io::channel_events{};
  result.on_greeted = [to](snakepit::result<core::hello_reply> x) {
    caf::anon_send(to, make_local(greeted{std::move(x)}));
  };
  result.on_results = [to](core::results x) { caf::anon_send(to, make_local(std::move(x))); };
  result.on_lane_closed = [to](uint32_t lane, std::string why) {
    caf::anon_send(to, make_local(lane_closed{lane, std::move(why)}));
  };
  return result;
}

/// Of a failed greeting: the worker is lost without a word. Its exit status says more.
bool is_lost(const error& x) {
  return x.reason == reason::worker_start_failed && x.details.count("phase") == 0;
}

} // namespace

worker_actor::behavior_type worker(worker_actor::stateful_pointer<worker_state> self,
                                   worker_config cfg, worker_world world) {
  auto& st = self->state;
  st.cfg = std::move(cfg);
  st.world = std::move(world);
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
    [&st](local<io::exit_status>& x) { st.on_exit(*x); },
    [&st](local<lane_batch>& x) { st.on_batch(*x); },
    [&st](local<cancel_order>& x) { st.on_cancel(*x); },
    [&st](local<lane_look>& x) { st.on_look(*x); },
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
  if (phase != worker_phase::greeting || start_error || kill_at != core::never)
    return;
  if (!x.reply) {
    if (is_lost(x.reply.error()))
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
  unproved = cfg.hello.lanes;
  lanes.resize(cfg.hello.lanes);
  for (uint32_t i = 0; i < lanes.size(); ++i) {
    lanes[i].page = process->page(i);
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
}

void worker_state::on_lane_closed(lane_closed& x) {
  if (x.lane < lanes.size())
    lanes[x.lane].closed = true;
  if (phase == worker_phase::dying)
    return settle_if_done();
  if (phase == worker_phase::stopping || exit || kill_at != core::never)
    return;
  // It comes a few milliseconds before the end of the process that caused it.
  expect_end("protocol");
}

void worker_state::on_exit(io::exit_status& x) {
  if (phase == worker_phase::settled)
    return;
  exit = x;
  if (phase == worker_phase::stopping)
    ended_by_us = kill_because; // it did as it was told, if within its grace or after
  if (phase != worker_phase::dying)
    phase_at_exit = phase;
  phase = worker_phase::dying;
  kill_at = core::never;
  settle_at = core::later(now(), hello_is_out ? duration{hello_wait} : duration{stream_wait});
  arm(settle_at);
  settle_if_done();
}

void worker_state::on_batch(lane_batch& x) {
  if (phase == worker_phase::settled)
    return caf::anon_send(world.pool, make_local(calls_back{std::move(x.calls)}));
  calls_received += x.calls.size();
  if (phase != worker_phase::ready || x.lane >= lanes.size()) {
    for (auto& call : x.calls)
      returned.push_back(std::move(call));
    return;
  }
  if (lanes[x.lane].revocation.active()) {
    // It was sent before the POOL heard of that.
    auto done = done_on(x.lane);
    done.ended = x.calls.size();
    done.back = std::move(x.calls);
    return tell_pool(std::move(done));
  }
  send(x.lane, std::move(x.calls));
  arm(lanes[x.lane].calls.next_deadline());
}

void worker_state::on_cancel(cancel_order& x) {
  for (uint32_t i = 0; i < lanes.size(); ++i) {
    auto seq = lanes[i].calls.find_ticket(x.ticket.get());
    auto call = lanes[i].calls.withdraw(x.ticket.get());
    if (!call)
      continue;
    auto ends = std::vector<ending>{};
    auto why = error{reason::cancelled, "the caller cancelled `" + call->group->tool + "`"};
    ends.emplace_back(std::move(call), std::move(why));
    answer(std::move(ends), done_on(i));
    if (seq > lanes[i].page.claimed())
      revoke(i);
    press(lanes[i]);
    return arm_all();
  }
}

void worker_state::on_look(lane_look& x) {
  if (phase != worker_phase::ready || x.lane >= lanes.size())
    return;
  read_journal(x.lane);
  if (x.revoke)
    revoke(x.lane);
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
  for (uint32_t i = 0; i < lanes.size() && phase < worker_phase::settled; ++i) {
    expire(i);
    press(lanes[i]);
    if (now() >= lanes[i].look_at)
      try_taking(i);
  }
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
    return kill("shutdown");
  }
  phase = worker_phase::stopping;
  kill_because = "shutdown";
  kill_at = core::later(now(), cfg.stop_grace);
  channel->shutdown(std::chrono::duration_cast<std::chrono::milliseconds>(cfg.stop_grace));
  arm(kill_at);
}

void worker_state::on_pool_down() {
  pool_gone = true;
  if (phase == worker_phase::settled)
    self->quit();
}

// -- starting -------------------------------------------------------------------

void worker_state::launch() {
  born = phase_begun = now();
  start_deadline = core::later(born, cfg.start_timeout);
  auto to = worker_actor{self};
  auto order = launch_order{cfg.launch, process_events_for(to, cfg, world.log, pid), {}};
  order.done = [to](snakepit::result<std::unique_ptr<io::process>> x) {
    caf::anon_send(to, make_local(launched{std::move(x)}));
  };
  self->send(caf::actor_cast<spawner_actor>(world.spawner), make_local(std::move(order)));
  arm(start_deadline);
}

void worker_state::on_late_answer(greeted& x) {
  if (!x.reply && !start_error && ended_by_us.empty() && !is_lost(x.reply.error()))
    start_error = std::move(x.reply.error());
  settle_if_done();
}

void worker_state::on_proved(core::results& x) {
  if (phase != worker_phase::probing || start_error || kill_at != core::never)
    return;
  for (auto& final : x.finals) {
    auto match = lanes[x.lane].calls.finish(final.seq);
    if (match.kind == core::in_flight::match::unknown)
      continue;
    if (!final.end)
      return refuse(std::move(final.end.error()));
    --unproved;
  }
  if (unproved == 0)
    become_ready();
}

void worker_state::become_ready() {
  phase = worker_phase::ready;
  note_phase(telemetry::start_phase::probe);
  was_ready = true;
  start_deadline = core::never;
  calls_done = 0;
  auto up = worker_up{};
  up.slot = cfg.hello.slot;
  up.generation = cfg.hello.generation;
  up.worker = caf::actor_cast<caf::actor>(self);
  up.pid = process->identity().pid;
  up.tools = std::move(hello_tools);
  for (auto& lane : lanes) {
    lane.acked = lane.calls.next_seq() - 1; // the probe
    lane.page.set_acked(lane.acked);
    up.pages.push_back(lane.page);
  }
  caf::anon_send(world.pool, make_local(std::move(up)));
}

void worker_state::refuse(error why) {
  if (start_error)
    return;
  start_error = std::move(why);
  expect_end("start");
}

void worker_state::expect_end(std::string because) {
  if (kill_at != core::never)
    return;
  kill_because = std::move(because);
  kill_at = core::later(now(), last_words);
  arm(kill_at);
}

// -- ending ---------------------------------------------------------------------

void worker_state::kill(std::string because) {
  if (phase >= worker_phase::dying)
    return;
  phase_at_exit = phase;
  ended_by_us = std::move(because);
  if (!process)
    return settle();
  phase = worker_phase::dying;
  kill_at = core::never;
  settle_at = core::later(now(), kill_wait);
  process->kill_group();
  arm(settle_at);
}

void worker_state::settle_if_done() {
  auto open = [](const lane& x) { return !x.closed; };
  if (exit && !hello_is_out && std::none_of(lanes.begin(), lanes.end(), open))
    settle();
}

void worker_state::settle() {
  if (phase == worker_phase::settled)
    return;
  for (uint32_t i = 0; was_ready && i < lanes.size(); ++i)
    read_journal(i);
  phase = worker_phase::settled;
  auto settlements = std::vector<core::in_flight::settlement>{};
  for (auto& lane : lanes)
    settlements.push_back(lane.calls.settle(lane.page.claimed(), lane.page.done()));
  auto certificate = certify(settlements);
  auto down = worker_down{};
  down.slot = cfg.hello.slot;
  down.generation = cfg.hello.generation;
  down.worker = caf::actor_cast<caf::actor>(self);
  down.was_ready = was_ready;
  down.certificate = certificate;
  down.received = calls_received;
  for (uint32_t i = 0; i < lanes.size(); ++i) {
    auto& x = settlements[i];
    auto ends = std::vector<ending>{};
    auto lose = [&](core::call_ptr call, bool had_ended) {
      if (!call || !call->group)
        return; // answered before, or a probe
      auto why = core::lost_call(call->group->tool, certificate, had_ended);
      ends.emplace_back(std::move(call), std::move(why));
    };
    for (auto& call : x.ended)
      lose(std::move(call), true);
    lose(std::move(x.running), false);
    answer(std::move(ends), done_on(i));
    for (auto& call : x.not_started)
      if (call->group)
        down.returned.push_back(std::move(call));
  }
  // In their order: what was sent first comes first.
  for (auto& call : returned)
    down.returned.push_back(std::move(call));
  if (!was_ready) {
    if (!start_error)
      start_error = core::lost_start(doing(phase_at_exit), certificate);
    start_error->certificate = certificate;
    down.for_good = core::is_for_good(*start_error);
    down.start_error = std::move(start_error);
  }
  caf::anon_send(world.pool, make_local(std::move(down)));
  if (pool_gone)
    self->quit();
}

std::shared_ptr<const death_certificate>
worker_state::certify(const std::vector<core::in_flight::settlement>& settlements) {
  auto x = std::make_shared<death_certificate>();
  x->pool = cfg.hello.pool;
  x->slot = cfg.hello.slot;
  x->generation = cfg.hello.generation;
  x->ended_by_us = ended_by_us;
  x->calls_done = calls_done;
  x->age = std::chrono::duration_cast<std::chrono::milliseconds>(now() - born);
  for (auto& lane : settlements)
    if (!lane.running_tool.empty())
      x->running_tool = lane.running_tool;
  if (process) {
    x->pid = process->identity().pid;
    x->last_stderr = process->last_stderr(certificate_stderr);
  }
  auto known = exit && exit->known;
  core::judge(*x, known, known ? exit->code : 0, known ? exit->signal : 0,
              exit && exit->template_died);
  return x;
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
  auto at = std::min(kill_at, settle_at);
  if (starting())
    at = std::min(at, start_deadline);
  if (phase < worker_phase::dying)
    for (auto& lane : lanes)
      at = std::min(at, next_due(lane));
  arm(at);
}

void worker_state::tell_pool(lane_done x) {
  caf::anon_send(world.pool, make_local(std::move(x)));
}

lane_done worker_state::done_on(uint32_t index) const {
  auto result = lane_done{};
  result.lane = {cfg.hello.slot, cfg.hello.generation, index};
  result.held = index < lanes.size() && lanes[index].revocation.active();
  return result;
}

} // namespace snakepit
