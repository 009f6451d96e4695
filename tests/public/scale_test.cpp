#include "runtime_fixture.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/pool_load.hpp"

#include <memory>

using namespace snakepit;
using namespace std::chrono_literals;

/// A pool of real workers that follows its load.

TEST_SUITE_BEGIN("scale of real workers");

TEST_CASE_FIXTURE(runtime_fixture,
                  "a pool grows before a call fails, and shrinks when it is idle [P7]") {
  constexpr auto limit = 60s;
  auto cfg = pool("default", 1, SNAKEPIT_SOURCE_ROOT "/tests/public/recycle.py");
  cfg.workers.reset();
  cfg.autoscale = {.min = 1, .max = 3, .target_wait = 20ms, .idle = 1s};
  auto uut = start({cfg});
  REQUIRE(uut.await_started({}, limit));
  CHECK(uut.stats().at(0).workers_target == 1);
  auto load = std::make_unique<pool_load>(uut, 12, "work", value{{"seconds", 0.05}});
  CHECK(test::eventually(limit, [&] { return uut.stats().at(0).workers_ready == 3; }));
  load->end();
  CHECK_MESSAGE(load->failures.empty(), load->failures.front());
  CHECK(test::eventually(limit, [&] { return uut.stats().at(0).workers.size() == 1; }));
  auto now = uut.stats().at(0);
  CHECK(now.workers_target == 1);
  CHECK(now.workers_ready == 1);
  CHECK(now.worker_exits == 0);
  auto deaths = uut.deaths();
  REQUIRE(deaths.size() == 2);
  CHECK(deaths[0].certificate->cause == "ended by us: recycle (scale)");
  CHECK(uut.execute("pid", value{value::map{}}));
}

TEST_SUITE_END();
