#include "tests/support/pool_fixture.hpp"

#include <csignal>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

struct scale_fixture : pool_fixture {
  scale_fixture() {
    cfg.workers = 1;
    cfg.autoscale = {.min = 1, .max = 3, .target_wait = 20ms, .idle = 60s};
    listen();
  }

  size_t target() {
    return stats().workers_target;
  }
  void serve_all() {
    for (int round = 0; round < 4; ++round)
      for (auto& x : world.workers) {
        if (!x->dead() && x->now == scripted_worker::phase::serving)
          x->serve_all();
        run();
      }
  }
};

} // namespace

TEST_SUITE_BEGIN("scale");

TEST_CASE_FIXTURE(scale_fixture, "a pool grows while its calls wait, and shrinks later [P7]") {
  start_ready();
  worker(0).lanes[0].run_us = 50'000; // long ones travel alone
  auto calls = std::vector<size_t>{submit("0")};
  serve_all();
  for (int i = 1; i < 6; ++i)
    calls.push_back(submit(std::to_string(i)));
  CHECK(target() == 1);
  advance(19ms);
  CHECK(target() == 1);
  advance(1ms);
  CHECK(target() == 2);
  REQUIRE(world.workers.size() == 2);
  advance(1s); // those that start are waited for
  CHECK(target() == 2);
  worker(1).lanes[0].run_us = 50'000;
  bring_up(worker(1));
  advance(20ms);
  CHECK(target() == 3);
  bring_up(worker(2));
  advance(1s);
  CHECK(target() == 3);
  serve_all();
  for (auto call : calls)
    CHECK(answered(call));
  auto told = ledger.of(event_kind::pool_scaled);
  REQUIRE(told.size() == 2);
  CHECK(told[0].measurements.at("before_workers") == 1);
  CHECK(told[0].measurements.at("workers") == 2);
  CHECK(told[0].text("because") == "queue");
  // Nothing is needed any more.
  advance(60s);
  advance(60s);
  CHECK(target() == 1);
  CHECK(stats().workers_ready == 1);
  CHECK(worker(1).shutdown_came);
  CHECK(worker(2).shutdown_came);
  CHECK(!worker(0).shutdown_came);
  CHECK(ledger.of(event_kind::pool_scaled).back().text("because") == "idle");
  CHECK(ledger.count(event_kind::worker_recycled) == 0);
}

TEST_CASE_FIXTURE(scale_fixture, "full groups want more workers, whatever their delay [P7, Q8]") {
  world.tools.emplace("many", 18);
  world.batches.emplace("many", std::pair{2u, duration{1s}});
  start_ready();
  worker(0).lanes[0].run_us = 50'000;
  submit("0", infinite, infinite, "many");
  advance(1s);
  serve_all();
  for (int i = 0; i < 6; ++i)
    submit(std::to_string(i), infinite, infinite, "many");
  advance(19ms);
  CHECK(target() == 1);
  advance(1ms);
  CHECK(target() == 2);
}

TEST_CASE_FIXTURE(scale_fixture, "a worker that leaves ends what it has been given [P7, L2]") {
  cfg.workers = 2;
  start_ready();
  auto first = submit("a");
  auto second = submit("b");
  run();
  worker(1).claim();
  worker(0).serve_all();
  run();
  cfg.autoscale.idle = 60s;
  advance(60s); // two were busy at a time
  CHECK(target() == 2);
  auto one = worker(0).inbox().empty() ? first : second;
  CHECK(answered(one));
  worker(1).finish();
  worker(1).send();
  run();
  CHECK((answered(first) && answered(second)));
  advance(60s);
  advance(60s);
  CHECK(target() == 1);
}

TEST_CASE_FIXTURE(scale_fixture, "a slot that has gone starts nothing after a crash [P7]") {
  cfg.workers = 2;
  start_ready();
  advance(60s);
  CHECK(target() == 1);
  crash(worker(1), SIGSEGV); // on its way out
  advance(1min);
  CHECK(world.workers.size() == 2);
  CHECK(stats().workers_ready == 1);
  CHECK(stats().worker_exits <= 1);
}

TEST_CASE_FIXTURE(scale_fixture, "a pool that is as large as it may be stays so [P7]") {
  cfg.workers = 3;
  start_ready();
  for (int i = 0; i < 10; ++i)
    submit(std::to_string(i));
  advance(10s);
  CHECK(target() == 3);
  CHECK(world.workers.size() == 3);
}

TEST_SUITE_END();
