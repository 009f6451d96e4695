#include "runtime_fixture.hpp"
#include "tests/support/event_ledger.hpp"
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
  auto ledger = test::event_ledger{};
  auto all = configuration({cfg});
  all.events.sink = [&](const event& e) { ledger.take(e); };
  auto made = runtime::start(std::move(all));
  REQUIRE_MESSAGE(made, to_string(made.error()));
  auto& uut = *made;
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
  uut.stop();
  auto told = ledger.of(event_kind::pool_scaled);
  REQUIRE(told.size() >= 2);
  CHECK(told.front().text("because") == "queue");
  CHECK(told.back().text("because") == "idle");
}

TEST_SUITE_END();
