#include "actors/worker.hpp"

#include "actors/core/exit_verdict.hpp"

namespace snakepit {

using namespace std::chrono_literals;

namespace {

/// After SIGKILL: how long the process may take. One in an uninterruptible wait can take for ever.
/// It must be over before the supervisor loses patience (`worker_patience`), which would answer
/// nobody.
constexpr auto kill_wait = 2s;
constexpr size_t certificate_stderr = 4096;

} // namespace

std::string_view doing(worker_phase x) {
  switch (x) {
  case worker_phase::spawning:
    return "was being started";
  case worker_phase::binding:
    return "was starting its interpreter and server";
  case worker_phase::greeting:
    return "was loading and initializing its adapter";
  default:
    return "was answering its probe";
  }
}

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

void worker_state::condemn(const lane& x, uint64_t running) {
  if (condemned_by.empty()) {
    culprit = x.calls.tool_of(running);
    condemned_by = x.calls.was_cancelled(running) ? "cancel" : "deadline";
    leave_at = core::later(now(), cfg.drain);
  }
  leave_if_done();
  if (phase != worker_phase::ready)
    return;
  // Others run, for whom somebody waits.
  caf::anon_send(world.pool, make_local(worker_leaving{cfg.hello.slot, cfg.hello.generation}));
  for (uint32_t i = 0; i < lanes.size(); ++i)
    revoke(i);
  arm(leave_at);
}

bool worker_state::runs_for_somebody(const lane& x) {
  // Also one that has ended while its result is on its way.
  auto* call = x.calls.waiting(x.claimed());
  return call && call->group; // else it is a probe
}

void worker_state::leave_if_done() {
  if (condemned_by.empty() || phase >= worker_phase::dying)
    return;
  if (now() >= leave_at || std::none_of(lanes.begin(), lanes.end(), runs_for_somebody))
    kill(condemned_by);
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
  if (process && pool_gone) // else the pool tells it, which is where the worker got ready
    events.exited(*certificate);
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
      x->running_tools.push_back(lane.running_tool);
  auto for_a_call = !culprit.empty() && ended_by_us == condemned_by;
  if (!x->running_tools.empty())
    x->running_tool = for_a_call ? culprit : x->running_tools.front();
  if (x->running_tools.size() < 2)
    x->running_tools.clear();
  if (process) {
    x->pid = process->identity().pid;
    x->last_stderr = process->last_stderr(certificate_stderr);
  }
  auto known = exit && exit->known;
  core::judge(*x, known, known ? exit->code : 0, known ? exit->signal : 0,
              exit && exit->template_died);
  return x;
}

} // namespace snakepit
