#include "actors/worker.hpp"

#include "actors/core/exit_verdict.hpp"

namespace snakepit {

using core::time_point;
using telemetry::level;
using verdict = core::heartbeat::verdict;

namespace {

constexpr auto worker_category = "worker";

} // namespace

void worker_state::begin_health() {
  auto seed = (uint64_t{cfg.hello.slot} << 32) + cfg.hello.generation;
  heartbeat = {cfg.heartbeat, seed, now()};
  for (auto& lane : lanes)
    if (!cfg.hello.on_loop || &lane == &lanes.front())
      lane.proof = {cfg.health_interval, cfg.heartbeat.timeout, now()};
  arm(health_due());
}

time_point worker_state::health_due() const {
  if (phase != worker_phase::ready || kill_at != core::never || !doomed.empty())
    return core::never; // else it might be told as hung while it is ended for something else
  auto result = heartbeat.next_due();
  for (auto& lane : lanes)
    result = std::min(result, lane.proof.next_due());
  return result;
}

void worker_state::on_heartbeat(const heartbeat_answer& x) {
  if (phase != worker_phase::ready)
    return;
  auto answer = heartbeat.on_answer(now(), x.nonce);
  if (!answer.known)
    return;
  world.metrics->heartbeat(x.round_trip);
  if (events.wanted(event_kind::heartbeat_answered))
    events.heartbeat_answered(its_name(), x.round_trip);
  if (answer.recovered)
    recovered();
  look_at_health();
  arm(health_due());
}

void worker_state::look_at_health() {
  if (now() < health_due())
    return;
  look_at_heartbeat();
  for (uint32_t i = 0; i < lanes.size() && phase == worker_phase::ready; ++i)
    look_at_proof(i);
}

// -- heartbeats -----------------------------------------------------------------

core::heartbeat::sight worker_state::what_it_does() const {
  auto result = core::heartbeat::sight{};
  for (auto& lane : lanes) {
    auto claimed = lane.page.claimed();
    auto done = lane.page.done();
    result.movement += claimed + done + lane.acked;
    result.busy |= done < claimed && !lane.calls.is_probe(claimed);
  }
  return result;
}

void worker_state::look_at_heartbeat() {
  auto stopped = heartbeat.judges(now()) && process->is_stopped();
  auto seen = what_it_does();
  auto advice = heartbeat.look(now(), seen, stopped);
  if (advice.recovered)
    recovered();
  if (advice.send != 0) {
    events.heartbeat_sent(its_name());
    channel->heartbeat(advice.send);
  }
  if (advice.what == verdict::nothing)
    return;
  world.metrics->heartbeat_missed();
  // First its lanes are closed, then it is looked at again: it may have begun a call meanwhile.
  hold_lanes();
  if (advice.what == verdict::hung && what_it_does().movement != seen.movement)
    return; // which the next look finds
  auto because = stopped ? "stopped" : seen.busy ? "gil_held" : "silent";
  auto what = pool_events::silence{heartbeat.misses(), now() - heartbeat.silent_since(), because};
  auto tool = running_tool();
  what.tool = tool;
  if (advice.what == verdict::missed)
    events.heartbeat_missed(its_name(), what);
  else if (advice.what == verdict::gil_held)
    events.gil_held(its_name(), what);
  else
    events.heartbeat_failed(its_name(), what);
  log_silence(advice.what, what);
  if (advice.what == verdict::hung && cfg.heartbeat.dependent)
    kill(core::because_heartbeat);
}

std::string worker_state::running_tool() const {
  for (auto& lane : lanes)
    if (lane.page.in_step())
      return lane.calls.tool_of(lane.claimed());
  for (auto& lane : lanes)
    if (auto claimed = lane.claimed(); lane.page.done() < claimed)
      return lane.calls.tool_of(claimed);
  return {};
}

void worker_state::log_silence(verdict what, const pool_events::silence& x) {
  auto text = what == verdict::missed ? "worker does not answer"
              : what == verdict::hung ? "worker is hung"
                                      : "worker cannot answer: a call holds Python's lock";
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(x.silent).count();
  auto first = x.misses <= 1;
  world.log->write(what == verdict::missed && !first ? level::info : level::warning,
                   worker_category, text,
                   {{"pool", cfg.hello.pool},
                    {"slot", cfg.hello.slot},
                    {"pid", its_name().pid},
                    {"because", std::string{x.because}},
                    {"tool", std::string{x.tool}},
                    {"silent_ms", ms}});
}

// -- probes ---------------------------------------------------------------------

void worker_state::look_at_proof(uint32_t index) {
  using advice = core::lane_proof::advice;
  auto& lane = lanes[index];
  auto idle = cfg.hello.on_loop ? std::all_of(lanes.begin(), lanes.end(),
                                              [this](auto& one) { return is_idle(one); })
                                : is_idle(lane);
  auto control =
    core::lane_proof::control{heartbeat.on(), heartbeat.silent(), heartbeat.proved_at()};
  switch (lane.proof.look(now(), idle, control)) {
  case advice::nothing:
    return;
  case advice::send:
    return send_probe(index);
  case advice::hold:
    return cfg.hello.on_loop ? hold_lanes() : hold_lane(index);
  case advice::fail:
    break;
  }
  auto waited = now() - lane.proof.sent_at();
  events.health_failed(its_name(), index, waited);
  world.log->write(
    level::warning, worker_category, "worker cannot run a probe though it answers heartbeats",
    {{"pool", cfg.hello.pool}, {"slot", cfg.hello.slot}, {"pid", its_name().pid}, {"lane", index}});
  tell_health();
  if (cfg.heartbeat.dependent)
    kill(core::because_health);
}

void worker_state::send_probe(uint32_t index) {
  auto& lane = lanes[index];
  auto probe = core::batch{index, lane.calls.next_seq(), core::payload_kind::json, {}};
  probe.items.push_back({core::tool_number::probe, 0, "{}", nullptr, nullptr});
  lane.last_batch = probe.first_seq;
  lane.sent_at = now();
  lane.calls.add(std::make_unique<core::call>());
  channel->send(probe);
}

bool worker_state::is_idle(const lane& x) const {
  return x.calls.unfinished() == 0 && condemned_by.empty() && !is_held(x) && !x.revocation.active();
}

bool worker_state::note_life(lane& x, time_point time) {
  if (!cfg.hello.on_loop)
    return x.proof.on_results(time);
  auto was_late = lanes.front().proof.on_results(time);
  return loop.on_results() || was_late;
}

void worker_state::look_at_loop() {
  if (now() < loop.next_due() || phase != worker_phase::ready)
    return;
  auto oldest = core::never;
  for (auto& lane : lanes)
    if (lane.calls.has_above(lane.claimed()))
      oldest = std::min(oldest, lane.sent_at);
  if (!loop.look(now(), oldest))
    return;
  world.log->write(level::warning, worker_category, "a call holds up the event loop of its worker",
                   {{"pool", cfg.hello.pool},
                    {"slot", cfg.hello.slot},
                    {"pid", its_name().pid},
                    {"tool", running_tool()}});
  hold_lanes();
}

// -- what follows -----------------------------------------------------------------

void worker_state::hold_lane(uint32_t index) {
  revoke(index);
  tell_pool(done_on(index));
}

void worker_state::hold_lanes() {
  for (uint32_t i = 0; i < lanes.size(); ++i)
    hold_lane(i);
  tell_health();
}

void worker_state::recovered() {
  events.heartbeat_recovered(its_name());
  world.log->write(level::info, worker_category, "worker answers again",
                   {{"pool", cfg.hello.pool}, {"slot", cfg.hello.slot}, {"pid", its_name().pid}});
  relieve();
}

void worker_state::relieve() {
  if (phase != worker_phase::ready)
    return;
  for (uint32_t i = 0; i < lanes.size(); ++i)
    tell_pool(done_on(i));
  tell_health();
}

void worker_state::tell_health() {
  auto failed = [](const lane& x) { return x.proof.failed(); };
  auto well = !heartbeat.lost() && std::none_of(lanes.begin(), lanes.end(), failed);
  if (std::exchange(told_well, well) != well)
    caf::anon_send(world.pool,
                   make_local(worker_health{cfg.hello.slot, cfg.hello.generation, well}));
}

} // namespace snakepit
