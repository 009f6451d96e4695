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

std::string_view to_string(worker_phase x) {
  switch (x) {
  case worker_phase::spawning:
    return "spawning";
  case worker_phase::binding:
    return "binding";
  case worker_phase::greeting:
    return "greeting";
  case worker_phase::probing:
    return "probing";
  case worker_phase::ready:
    return "ready";
  default:
    return core::stopping_phase;
  }
}

void worker_state::kill_now(std::string because) {
  if (phase >= worker_phase::dying)
    return;
  doomed.clear();
  doom_at = core::never;
  phase_at_exit = phase;
  ended_by_us = std::move(because);
  if (!process)
    return settle();
  phase = worker_phase::dying;
  kill_at = core::never;
  settle_at = core::later(now(), kill_wait);
  // Its exit may be told so late that we lose patience with what is gone. It has ended by itself
  // then, or as it was told.
  if (!process->kill_group()) {
    ended_by_us = was_told ? kill_because : std::string{};
    stacks.reset();
  }
  arm(settle_at);
}

void worker_state::ask_to_end(std::string because) {
  events.worker_draining(its_name(), cfg.stop_grace);
  phase = worker_phase::stopping;
  // Of an end that has come before, and will be told, the order is not the reason.
  was_told = process->signal(0);
  stacks.reset(); // of a deadline, long ago
  kill_because = std::move(because);
  kill_at = core::later(now(), cfg.stop_grace);
  channel->shutdown(std::chrono::duration_cast<std::chrono::milliseconds>(cfg.stop_grace));
  arm(kill_at);
}

void worker_state::on_leave(std::string why) {
  if (phase != worker_phase::ready || is_leaving())
    return;
  condemned_by = explained = core::because_recycle;
  explanation = std::move(why);
  for (uint32_t i = 0; i < lanes.size(); ++i)
    revoke(i);
  leave_if_done();
  arm_all();
}

void worker_state::on_end(end_order& x) {
  if (starting() || phase >= worker_phase::dying || !doomed.empty())
    return;
  explained = x.because;
  explanation = std::move(x.detail);
  kill(std::move(x.because));
}

void worker_state::condemn(const lane& x, uint64_t running) {
  if (condemned_by.empty() || condemned_by == core::because_recycle) {
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
  return x.calls.has_waiting(x.page.done(), x.claimed());
}

void worker_state::leave_if_done() {
  if (condemned_by.empty() || phase >= worker_phase::dying)
    return;
  if (condemned_by == core::because_recycle) {
    // Its calls have their own deadlines; no other bound makes one of them fail.
    auto has_calls = [](auto& x) { return x.calls.unfinished() > 0; };
    if (phase == worker_phase::ready && std::none_of(lanes.begin(), lanes.end(), has_calls))
      ask_to_end(condemned_by);
    return;
  }
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
  auto killer = size_t{0};
  for (uint32_t i = 0; i < lanes.size(); ++i) {
    auto& x = settlements[i];
    auto ends = std::vector<ending>{};
    auto done = done_on(i);
    // The pool decides whether they run again; without one they are answered here.
    auto lose = [&](core::call_ptr call, bool had_ended) {
      if (!call || !call->group)
        return; // answered before, or a probe
      auto why = core::lost_call(call->group->tool, certificate, had_ended);
      auto& to = pool_gone ? ends : down.lost;
      to.emplace_back(std::move(call), std::move(why));
    };
    for (auto& one : overdue)
      if (one.lane == i) {
        auto why = deadline_error(*one.call);
        why.certificate = certificate;
        why.details.emplace("certificate_id", certificate->id);
        note_late(done, *one.call);
        ends.emplace_back(std::move(one.call), std::move(why));
      }
    if (x.running && x.running->group && certificate->running.size() == 1 && x.ran == 1
        && !pool_gone) {
      down.killed_by_call = certificate->ended_by_us.empty() && exit && exit->known;
      killer = down.lost.size();
    }
    lose(std::move(x.running), false);
    for (auto& call : x.beside)
      lose(std::move(call), false);
    for (auto& call : x.ended)
      lose(std::move(call), true);
    answer(std::move(ends), std::move(done));
    for (auto& call : x.not_started)
      if (call->group)
        down.returned.push_back(std::move(call));
  }
  if (down.killed_by_call)
    std::swap(down.lost.front(), down.lost[killer]);
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
  x->id = certificate_id();
  x->pool = cfg.hello.pool;
  x->slot = cfg.hello.slot;
  x->generation = cfg.hello.generation;
  x->ended_by_us = ended_by_us;
  x->phase = to_string(phase_at_exit);
  x->calls_done = calls_done;
  x->age = std::chrono::duration_cast<std::chrono::milliseconds>(now() - born);
  auto in_step = size_t{0}; // which of those that ran
  for (size_t i = 0; i < settlements.size(); ++i) {
    auto& lane = settlements[i];
    x->calls_in_flight += lane.ended.size() + lane.not_started.size() + lane.beside.size();
    if (lane.running_tool.empty())
      continue;
    ++x->calls_in_flight;
    if (lanes[i].page.in_step())
      in_step = x->running.size();
    x->running.push_back({lane.running_tool, lane.running_id, time_since_claim(lanes[i].page),
                          static_cast<uint32_t>(lane.ran)});
  }
  auto for_a_call = !culprit.empty() && ended_by_us == condemned_by;
  auto first = std::find_if(x->running.begin(), x->running.end(),
                            [&](auto& one) { return for_a_call && one.tool == culprit; });
  if (!for_a_call && !x->running.empty()) // of coroutines only one is executed at a time
    first = x->running.begin() + static_cast<std::ptrdiff_t>(in_step);
  if (first != x->running.end())
    std::rotate(x->running.begin(), first, first + 1);
  if (!x->running.empty())
    x->running_tool = for_a_call ? culprit : x->running.front().tool;
  if (x->running.size() > 1)
    for (auto& one : x->running)
      x->running_tools.push_back(one.tool);
  auto known = exit && exit->known;
  core::judge(*x, known, known ? exit->code : 0, known ? exit->signal : 0,
              exit && exit->template_died);
  core::explain(*x, explained, explanation);
  if (known) {
    x->user_time = exit->user_time;
    x->system_time = exit->system_time;
    x->max_rss_bytes = exit->max_rss_bytes;
  }
  core::judge_memory(*x, exit ? exit->memory : core::memory_evidence{});
  if (process) {
    x->pid = process->identity().pid;
    x->last_stderr = process->last_stderr(certificate_stderr);
    core::attach_stacks(*x, process->written_stacks(), x->last_stderr, stacks ? &*stacks : nullptr);
  }
  return x;
}

std::chrono::milliseconds worker_state::time_since_claim(const core::lane_page& x) const {
  // The worker wrote it: not to be trusted.
  auto age = now() - born;
  auto ran = now().time_since_epoch() - std::chrono::nanoseconds{x.started_ns()};
  return std::chrono::duration_cast<std::chrono::milliseconds>(
    std::clamp<duration>(ran, duration{0}, age));
}

} // namespace snakepit
