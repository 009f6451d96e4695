#include "actors/pool.hpp"
#include "tests/actors/reload_fixture.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;

/// Reloads whose lifecycle manager ends, and is followed by another.

TEST_SUITE_BEGIN("reload");

TEST_CASE_FIXTURE(reload_fixture,
                  "a manager that ends in the middle is followed by one that goes on [L5]") {
  start_ready();
  world.tools.emplace("fresh", 18);
  auto job = reload();
  bring_up(worker(3));
  caf::anon_send_exit(entry->lifecycle(), caf::exit_reason::kill);
  run();
  REQUIRE(reloads[job]);
  CHECK(!*reloads[job]); // whoever asked is told that nobody knows
  bring_all();
  CHECK(revisions() == std::vector<uint32_t>{2, 2, 2});
  auto call = submit("x", infinite, infinite, "fresh");
  for (size_t n = 0; n < world.workers.size(); ++n)
    if (!worker(n).dead() && worker(n).now == scripted_worker::phase::serving)
      worker(n).serve_all();
  run();
  CHECK(answered(call));
  CHECK(ends[call]->last->has_value());
}

TEST_CASE_FIXTURE(reload_fixture,
                  "a reload that comes before the next manager knows the workers is done [L5]") {
  start_ready();
  reload();
  bring_up(worker(3)); // which is adopted, two are left
  auto before = entry->lifecycle();
  caf::anon_send_exit(before, caf::exit_reason::kill);
  while (entry->lifecycle() == before && !sched.jobs.empty())
    sched.run_once();
  REQUIRE(entry->lifecycle() != before);
  auto made = 0;
  auto job = reload(true, [&](uint32_t revision) {
    ++made;
    return make_spec(revision);
  });
  bring_all();
  CHECK(made == 1);
  CHECK(report(job).revision == 3);
  CHECK(revisions() == std::vector<uint32_t>{3, 3, 3});
}

TEST_CASE_FIXTURE(reload_fixture,
                  "a manager that ends when all are new leaves their tools [L5, B6]") {
  cfg.workers = 2;
  start_ready();
  world.tools.emplace("fresh", 18);
  reload();
  bring_up(worker(2));
  auto& last = worker(3);
  last.spawn();
  run();
  last.bind();
  run();
  last.greet();
  run();
  last.serve_all();
  auto* pool = dynamic_cast<pool_actor::stateful_pointer<pool_state>>(
    caf::actor_cast<caf::abstract_actor*>(entry->actor()));
  REQUIRE(pool);
  auto all_new = [&] {
    auto& x = pool->state.members.at(1);
    return x.up && x.revision == 2;
  };
  while (!all_new() && !sched.jobs.empty())
    sched.run_once();
  REQUIRE(all_new());
  caf::anon_send_exit(entry->lifecycle(), caf::exit_reason::kill);
  run();
  REQUIRE(reloads.at(0));
  CHECK(!*reloads[0]); // it had not come so far
  bring_all();
  auto call = submit("x", infinite, infinite, "fresh");
  for (auto n : {2, 3})
    worker(n).serve_all();
  run();
  REQUIRE(answered(call));
  CHECK(ends[call]->last->has_value());
}

TEST_SUITE_END();
