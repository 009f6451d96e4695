#include "actors/worker.hpp"

#include "actors/core/exit_verdict.hpp"
#include "actors/spawner.hpp"

namespace snakepit {

using namespace std::chrono_literals;

namespace {

/// After a stream is lost, or the worker said that it cannot start: how long the process has to end
/// by itself, so that its own cause of death is not covered by our kill.
constexpr auto last_words = 500ms;

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

} // namespace

void worker_state::launch() {
  born = phase_begun = now();
  start_deadline = core::later(born, cfg.start_timeout);
  auto to = worker_actor{self};
  auto order = launch_order{cfg.launch, process_events_for(to, cfg, world.log, pid), {}, {}};
  order.who = {cfg.hello.pool, cfg.hello.slot, cfg.hello.generation};
  order.done = [to](snakepit::result<std::unique_ptr<io::process>> x) {
    caf::anon_send(to, make_local(launched{std::move(x)}));
  };
  self->send(caf::actor_cast<spawner_actor>(world.spawner), make_local(std::move(order)));
  arm(start_deadline);
}

void worker_state::on_late_answer(greeted& x) {
  if (!x.reply && !start_error && ended_by_us.empty() && !core::is_lost_start(x.reply.error()))
    start_error = std::move(x.reply.error());
  settle_if_done();
}

void worker_state::on_proved(core::results& x) {
  if (phase != worker_phase::probing || start_error || kill_at != core::never || !doomed.empty())
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
  up.took = phase_begun - born; // the last phase is over just now
  for (auto& lane : lanes) {
    lane.acked = lane.calls.next_seq() - 1; // the probe
    lane.page.set_acked(lane.acked);
    up.pages.push_back(lane.page);
  }
  caf::anon_send(world.pool, make_local(std::move(up)));
  begin_health();
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

} // namespace snakepit
