#include "actors/pool.hpp"

/// What trouble makes of a pool: circuits that open, slots that are tainted, a pool that is
/// degraded for its crashes; and the times by which one sees it coming.

namespace snakepit {

using telemetry::level;

namespace {

std::string whole_milliseconds(duration x) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(x).count()) + "ms";
}

std::string word_of(core::circuit::state x) {
  using state = core::circuit::state;
  return x == state::closed ? "closed" : x == state::open ? "open" : "half_open";
}

} // namespace

// -- circuits -------------------------------------------------------------------

std::optional<error> pool_state::circuit_refusal(const core::call& x) const {
  auto found = breaker->refuses(x, now());
  if (!found)
    return std::nullopt;
  auto& name = settings.config.name;
  auto of_pool = found->tool == core::breaker::whole_pool;
  auto failures = std::to_string(found->failures);
  auto left = whole_milliseconds(found->left);
  auto text = of_pool ? "calls of pool `" + name + "` are refused, since it lost workers "
                          + failures + " times in a row"
                      : "calls of `" + x.group->tool + "` in pool `" + name
                          + "` are refused, since it failed " + failures + " times in a row";
  auto trial = found->state == core::circuit::state::half_open;
  text += trial ? "; a trial is under way, the next may begin in " + left
                : "; the next may begin in " + left;
  return error{reason::circuit_open,
               std::move(text),
               {{"pool", name},
                {"tool", x.group->tool},
                {"circuit", of_pool ? "pool" : "tool"},
                {"state", word_of(found->state)},
                {"failures", failures},
                {"retry_after", left}}};
}

void pool_state::begin_circuit(core::call& x) {
  breaker->admit(x, now());
  tell_circuits();
}

void pool_state::note_ends(const std::vector<core::call_end>& ends) {
  if (!breaker || ends.empty())
    return;
  breaker->note(ends, now());
  tell_circuits();
}

void pool_state::note_loss(const std::vector<std::pair<core::call_ptr, error>>& lost) {
  if (!breaker || lost.empty())
    return;
  auto ends = std::vector<core::call_end>{};
  for (auto& [call, why] : lost)
    core::note_end(ends, *call, core::way_of_loss(why));
  breaker->note_loss(ends, now());
  tell_circuits();
}

void pool_state::note_given_up(const core::call& x) {
  auto time = now();
  ++totals.at(time)[core::time_buckets::of(time - x.admitted)];
  if (x.trial && breaker)
    breaker->note({{x.tool, core::call_end::way::other, 1, x.id}}, time);
}

void pool_state::tell_circuits() {
  for (auto& x : breaker->take_news()) {
    auto tool = tools->name_of(x.tool);
    auto told = [&](level how, std::string_view what) {
      world.log->write(how, pool_category, std::string{"circuit "} + std::string{what},
                       {{"pool", settings.config.name},
                        {"tool", tool},
                        {"failures", static_cast<uint64_t>(x.failures)}});
    };
    switch (x.now) {
    case core::circuit::state::open:
      told(level::warning, "opened: calls are refused for a while");
      events.circuit_opened(tool, x.failures, settings.config.breaker.reset);
      break;
    case core::circuit::state::half_open:
      told(level::info, "half open: calls are let through as a trial");
      events.circuit_half_opened(tool);
      break;
    case core::circuit::state::closed:
      told(level::info, "closed: calls are taken as before");
      events.circuit_closed(tool, x.open_for);
      break;
    }
  }
}

// -- crashes --------------------------------------------------------------------

void pool_state::note_crash(const death_certificate& x) {
  auto why = core::crash_of(x);
  if (draining || why == core::crash::none)
    return;
  auto& rules = settings.config;
  if (crashes.note(now()))
    world.log->write(level::warning, pool_category, "workers crash too often: it is degraded",
                     {{"pool", rules.name},
                      {"crashes", static_cast<uint64_t>(rules.health.crashes)},
                      {"within", whole_milliseconds(rules.health.window)}});
  if (!taints.taint(x.slot, why, now()))
    return;
  board->taint(x.slot, true);
  events.tainted(x.slot, rules.crash_barrier.taint, to_string(why));
}

void pool_state::note_good_calls(uint32_t slot, size_t n) {
  if (taints.any() && taints.note_good(slot, n))
    board->taint(slot, false);
}

void pool_state::end_trouble() {
  auto time = now();
  for (auto slot : taints.take_due(time))
    board->taint(slot, false);
  if (crashes.next_due() > time)
    return;
  crashes.look(time);
  note_standing();
}

// -- what is shown ----------------------------------------------------------------

void pool_state::note_waits(const std::vector<core::call_ptr>& calls, core::time_point time) {
  auto& to = waits.at(time);
  for (auto& x : calls)
    ++to[core::time_buckets::of(time - x->admitted)];
}

void pool_state::add_trouble(pool_stats& to) {
  auto time = now();
  if (to.state == "degraded")
    to.degraded_by = standing.is_enough(ready()) ? "crashes" : "workers";
  to.errors_by_category = counters.errors_by_category();
  to.timeouts = counters.timeouts();
  to.queue_wait = waits.summary(time);
  to.total = totals.summary(time);
  if (!breaker)
    return;
  for (auto& x : breaker->list(time))
    to.circuits.push_back({tools->name_of(x.tool), word_of(x.state), x.failures, x.left});
}

} // namespace snakepit
