#include "tests/simulation/simulation.hpp"

#include <cstdlib>

using namespace snakepit;

namespace {

void simulate(uint64_t seed, bool parts, std::map<std::string, size_t>& tally,
              std::set<event_kind>& told) {
  INFO("SNAKEPIT_SEED=" << seed);
  auto world = simulation{seed, parts};
  world.faults = static_cast<int>(world.pick(8));
  if (parts)
    world.part_faults = world.chance(20) ? 1 + static_cast<int>(world.pick(2)) : 0;
  for (size_t i = 0; i < 400; ++i)
    world.one_step();
  if (world.chance(30)) {
    world.stop_in_the_middle();
  } else {
    world.settle();
    world.reloading.check(world.parts_failed, tally);
    world.stop();
  }
  world.check_replies(tally);
  if (world.parts_failed) {
    ++tally["(restarts)"];
  } else {
    world.ledger.check_laws();
    world.check_recycled(tally);
  }
  tally["(held)"] += world.held.size();
  for (auto kind : world.ledger.kinds())
    told.insert(kind);
  tally["(reports)"] += world.world.reports;
  for (auto n : world.world.groups)
    ++tally[n > 1 ? "(groups)" : "(groups of one)"];
}

uint64_t number(const char* name, uint64_t otherwise) {
  auto* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

} // namespace

TEST_SUITE_BEGIN("simulation");

TEST_CASE("exactly one reply per call under any order of events [Q7, T1]") {
  auto tally = std::map<std::string, size_t>{};
  auto told = std::set<event_kind>{};
  if (auto only = number("SNAKEPIT_SEED", 0); only != 0)
    return simulate(only, false, tally, told);
  auto seeds = number("SNAKEPIT_SEEDS", 2000);
  for (uint64_t seed = 1; seed <= seeds; ++seed)
    simulate(seed, false, tally, told);
  for (auto& [way, n] : tally)
    MESSAGE(way << ": " << n);
  for (auto* way : {"ok", "worker_crashed", "deadline_exceeded", "queue_timeout", "cancelled"})
    CHECK_MESSAGE((tally[way] > 0 || seeds < 100), std::string{way} << " never happened");
  if (seeds < 2000)
    return; // some of what follows is rare
  // The orders did lead to all these ends.
  for (auto* way : {"ok",
                    "worker_crashed",
                    "worker_killed",
                    "worker_hung",
                    "deadline_exceeded",
                    "queue_timeout",
                    "cancelled",
                    "pool_saturated",
                    "pool_failed",
                    "unknown_tool",
                    "(groups)",
                    "(groups of one)",
                    "(reports)",
                    "(recycled: manual)",
                    "(recycled: ttl)",
                    "(recycled: idle)",
                    "(recycled: max_calls)",
                    "(recycled: reload)",
                    "(neighbours)",
                    "(reload: done)",
                    "(reload: rolled back)"})
    CHECK_MESSAGE(tally[way] > 0, std::string{way} << " never happened");
  for (auto* way : {"caller_gone", "worker_busy", "session_worker_unavailable"})
    CHECK_MESSAGE(tally[way] > 0, std::string{way} << " never happened");
  // No template, dead run, exception or slow subscriber is played here.
  for (auto& row : event_table)
    if (!row.name.starts_with("template.") && !row.name.starts_with("orphan.")
        && !row.name.starts_with("cleanup.") && row.kind != event_kind::python_exception
        && row.kind != event_kind::telemetry_dropped)
      CHECK_MESSAGE(told.contains(row.kind), row.name << " was never told");
}

TEST_CASE("exactly one reply per call, and no run twice, also if parts of us break [Q7, R7]") {
  auto tally = std::map<std::string, size_t>{};
  auto told = std::set<event_kind>{};
  if (auto only = number("SNAKEPIT_SEED", 0); only != 0)
    return simulate(only, true, tally, told);
  auto seeds = number("SNAKEPIT_SEEDS", 600);
  for (uint64_t seed = 1; seed <= seeds; ++seed)
    simulate(seed, true, tally, told);
  for (auto* way : {"ok", "(restarts)", "(held)"})
    CHECK_MESSAGE(tally[way] > 0, way << " never happened");
}

TEST_SUITE_END();
