#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

/// What becomes of a worker whose end is told late, piece by piece, or in a strange order.

namespace {

struct late_end_fixture : pool_fixture {
  std::optional<result<void>> recycled;

  /// Its slot is to have a new one, which is brought up; the old one is told to end.
  void recycle() {
    auto order = recycle_order{0, [this](result<void> x) { recycled = std::move(x); }};
    caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()), make_local(std::move(order)));
    run();
    bring_up(*world.workers.back());
  }

  void close_lanes(scripted_worker& x) {
    while (!x.lane_closed_told())
      x.tell_lane_closed();
    run();
  }
};

} // namespace

TEST_SUITE_BEGIN("late ends");

TEST_CASE_FIXTURE(late_end_fixture, "a worker whose stream has ended gets no more calls [Q7, W9]") {
  cfg.workers = 2;
  start_ready();
  worker(0).die(SIGSEGV);
  close_lanes(worker(0));
  auto calls = submit_all({"a", "b", "c"});
  CHECK(worker(0).inbox().empty());
  worker(1).serve_all();
  run();
  CHECK(answered(calls[0]));
  tell_end(worker(0));
  CHECK(last_death()->cause == "SIGSEGV");
}

TEST_CASE_FIXTURE(late_end_fixture, "a call keeps its deadline while its worker is dying [Q2]") {
  start_ready();
  auto call = submit("a", 3s);
  worker(0).claim();
  advance(2s);
  close_lanes(worker(0));
  advance(500ms); // it does not end by itself
  REQUIRE(worker(0).kill_came);
  worker(0).die(SIGKILL);
  advance(499ms);
  CHECK(!answered(call));
  advance(1ms); // how it ended is not known yet
  CHECK(failure(call).reason == reason::deadline_exceeded);
  tell_end(worker(0));
  CHECK(ends[call]->answers == 1);
}

TEST_CASE_FIXTURE(late_end_fixture, "what had ended before it was told to was not told [W9]") {
  start_ready();
  SUBCASE("recycled") {
    worker(0).exit(3);
    close_lanes(worker(0));
    recycle();
  }
  SUBCASE("at a stop") {
    worker(0).exit(3);
    close_lanes(worker(0));
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    run();
  }
  tell_end(worker(0));
  CHECK(last_death()->ended_by_us.empty());
  CHECK(last_death()->cause == "exit 3");
}

TEST_CASE_FIXTURE(late_end_fixture, "who kills a worker that was told to end is not us [W9]") {
  start_ready();
  recycle();
  REQUIRE(worker(0).shutdown_came);
  worker(0).die(SIGKILL);
  SUBCASE("told at once") {}
  SUBCASE("told when we have lost patience") {
    advance(stop_grace);
    advance(1200ms);
    REQUIRE(worker(0).kill_came);
  }
  tell_end(worker(0));
  CHECK(last_death()->ended_by_us.empty());
  CHECK(last_death()->cause == "SIGKILL");
  CHECK(stats().worker_exits == 1);
}

TEST_CASE_FIXTURE(late_end_fixture, "stacks of a deadline are not those of an end [W9]") {
  start_ready();
  auto call = submit("a", 1s);
  worker(0).claim();
  advance(1s);
  REQUIRE(failure(call).stacks);
  worker(0).finish();
  worker(0).send();
  run();
  advance(1h);
  recycle();
  worker(0).exit(0);
  tell_end(worker(0));
  CHECK(last_death()->cause == "ended by us: recycle");
  CHECK(last_death()->stacks.python.empty());
}

TEST_CASE_FIXTURE(late_end_fixture, "one that exits by itself while we kill it did so [W9]") {
  start_ready();
  auto call = submit("a", 1s);
  worker(0).claim();
  advance(1s);
  advance(2s); // the tool does not end
  REQUIRE(worker(0).kill_came);
  worker(0).exit(3);
  tell_end(worker(0));
  CHECK(failure(call).reason == reason::deadline_exceeded);
  CHECK(last_death()->cause == "exit 3");
  CHECK(last_death()->ended_by_us.empty());
}

TEST_CASE_FIXTURE(late_end_fixture, "a worker that is to be ended does not become ready [P3]") {
  lanes = 2;
  world.slow_stacks = true;
  listen();
  start();
  worker(0).spawn();
  run();
  worker(0).bind();
  run();
  worker(0).greet();
  run();
  worker(0).lanes[0].claim();
  worker(0).lanes[0].finish();
  worker(0).lanes[0].send();
  worker(0).tell_lane_closed();
  run();
  advance(500ms);
  REQUIRE(worker(0).stacks_wanted());
  worker(0).lanes[1].claim();
  worker(0).lanes[1].finish();
  worker(0).lanes[1].send();
  run();
  CHECK(stats().workers_ready == 0);
  advance(2s);
  CHECK(worker(0).kill_came);
  worker(0).die(SIGKILL);
  tell_end(worker(0));
  CHECK(ledger.count(event_kind::worker_ready) == 0);
  CHECK(last_death()->cause == "ended by us: protocol");
  CHECK(ledger.count(event_kind::worker_start_failed) == 1);
}

TEST_SUITE_END();
