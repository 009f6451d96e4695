#include "tests/support/pool_fixture.hpp"

#include "actors/pool.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// One ready worker, whose slot is asked to have a new one.
struct recycle_fixture : pool_fixture {
  std::optional<result<void>> answer;
  int answers = 0;

  recycle_fixture() {
    start_ready();
  }

  void recycle(uint32_t slot = 0) {
    auto order = recycle_order{slot, [this](result<void> x) {
                                 ++answers;
                                 answer = std::move(x);
                               }};
    caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()), make_local(std::move(order)));
    run();
  }

  /// The old process does as it was told.
  void end_old() {
    REQUIRE(worker(0).shutdown_came);
    worker(0).exit(0);
    while (!worker(0).lane_closed_told())
      worker(0).tell_lane_closed();
    worker(0).tell_exit();
    run();
  }
};

} // namespace

TEST_SUITE_BEGIN("recycle");

TEST_CASE_FIXTURE(recycle_fixture, "the old worker serves until the new one is ready [L2]") {
  recycle();
  REQUIRE(world.workers.size() == 2);
  CHECK(!answer);
  CHECK(stats().workers_ready == 1);
  auto first = submit("first");
  auto workers = stats().workers;
  REQUIRE(workers.size() == 2);
  CHECK(workers[0].generation == 1);
  CHECK(workers[0].state == "ready");
  CHECK(workers[0].in_flight == 1);
  CHECK(workers[1].generation == 2);
  CHECK(workers[1].state == "starting");
  worker(0).serve_all();
  run();
  CHECK(answered(first));
  CHECK(!worker(0).shutdown_came);
  bring_up(worker(1));
  REQUIRE(answer);
  CHECK(*answer);
  CHECK(worker(0).shutdown_came);
  CHECK(!worker(0).kill_came);
  CHECK(stats().workers_ready == 1);
  CHECK(stats().workers.at(0).state == "leaving");
  CHECK(stats().workers.at(1).state == "ready");
  auto second = submit("second");
  CHECK(worker(0).inbox().empty());
  worker(1).serve_all();
  run();
  CHECK(answered(second));
  end_old();
  CHECK(last_death()->ended_by_us == "recycle");
  CHECK(last_death()->cause == "ended by us: recycle");
  CHECK(stats().worker_exits == 0); // it was expected
  CHECK(stats().workers_ready == 1);
  CHECK(!worker(0).object_alive);
  CHECK(world.workers.size() == 2);
  CHECK(stats().workers.size() == 1);
}

TEST_CASE_FIXTURE(recycle_fixture, "an old worker that did as it was told is no crash [L2, W9]") {
  recycle();
  bring_up(worker(1));
  REQUIRE(worker(0).shutdown_came);
  worker(0).exit(0);
  advance(stop_grace); // its stacks are asked for
  advance(1200ms);
  REQUIRE(worker(0).kill_came);
  SUBCASE("told late") {
    worker(0).tell_exit();
    run();
  }
  SUBCASE("never told") {}
  advance(3s); // nobody waits for ever
  CHECK(last_death()->ended_by_us == "recycle");
  CHECK(last_death()->cause == "ended by us: recycle");
  CHECK(stats().worker_exits == 0);
}

TEST_CASE_FIXTURE(recycle_fixture,
                  "what runs in the old worker ends, what waits there goes on [L2]") {
  auto warm = submit("warm");
  worker(0).serve_all();
  run();
  REQUIRE(answered(warm));
  auto calls = submit_all({"running", "waiting"});
  worker(0).claim();
  recycle();
  bring_up(worker(1));
  CHECK(*answer);
  CHECK(!worker(0).shutdown_came); // a call runs in it
  for (int i = 0; i < 4; ++i) {
    worker(1).serve_all();
    run();
  }
  CHECK(text(calls[1]) == R"({"n":"waiting"})");
  CHECK(!answered(calls[0]));
  advance(1h); // it may run as long as it likes
  CHECK(!worker(0).kill_came);
  worker(0).finish();
  worker(0).send();
  run();
  CHECK(text(calls[0]) == R"({"n":"running"})");
  end_old();
  CHECK(stats().calls_failed == 0);
  CHECK(world.claims[R"({"n":"waiting"})"] == 1);
}

TEST_CASE_FIXTURE(recycle_fixture,
                  "an old worker that does not end in its grace is ended [L2, R6]") {
  recycle();
  bring_up(worker(1));
  CHECK(worker(0).shutdown_came);
  advance(2s);
  CHECK(worker(0).kill_came);
  crash(worker(0), SIGKILL);
  CHECK(last_death()->ended_by_us == "recycle");
  CHECK(stats().worker_exits == 0);
}

TEST_CASE_FIXTURE(recycle_fixture, "a call that overruns in the old worker ends it as ever [Q5]") {
  auto call = submit("stuck", 1s);
  worker(0).claim();
  recycle();
  bring_up(worker(1));
  advance(1s);
  CHECK(failure(call).reason == reason::deadline_exceeded);
  advance(2s);
  CHECK(worker(0).kill_came);
  crash(worker(0), SIGKILL);
  CHECK(last_death()->ended_by_us == "deadline");
}

TEST_CASE_FIXTURE(recycle_fixture, "a new worker that does not start leaves the old one [L2]") {
  recycle();
  worker(1).spawn();
  run();
  worker(1).exit(3);
  worker(1).tell_exit();
  run();
  REQUIRE(answer);
  REQUIRE(!*answer);
  CHECK(answer->error().reason == reason::worker_start_failed);
  CHECK(stats().workers_ready == 1);
  CHECK(stats().state == "ready");
  CHECK(last_death()->cause == "exit 3");
  auto call = submit("still");
  worker(0).serve_all();
  run();
  CHECK(answered(call));
  recycle(); // and again
  bring_up(worker(2));
  CHECK(answers == 2);
  CHECK(*answer);
}

TEST_CASE_FIXTURE(recycle_fixture,
                  "the old worker may die first: the new one is the slot's [W10]") {
  auto call = submit("lost");
  worker(0).claim();
  recycle();
  crash(worker(0), SIGSEGV);
  CHECK(failure(call).reason == reason::worker_crashed);
  CHECK(stats().worker_exits == 1);
  CHECK(stats().workers_ready == 0);
  CHECK(stats().workers_starting == 1);
  auto waits = submit("waits");
  bring_up(worker(1));
  CHECK(*answer);
  worker(1).serve_all();
  run();
  CHECK(answered(waits));
  CHECK(world.workers.size() == 2); // no third one
}

TEST_CASE_FIXTURE(recycle_fixture, "what the old worker says too late gives it no calls [L2, P4]") {
  auto running = submit("running");
  worker(0).claim();
  recycle();
  worker(1).spawn();
  run();
  worker(1).bind();
  run();
  worker(1).greet();
  run();
  worker(1).serve_all();
  worker(0).finish();
  worker(0).send(); // on its way while the pool lets the new one succeed
  auto next = submit_all({"a", "b"});
  run();
  CHECK(answered(running));
  REQUIRE(answer);
  CHECK(worker(0).inbox().empty());
  crash(worker(1), SIGSEGV); // and nobody has the slot but the old one
  auto waits = submit("c");
  CHECK(stats().state == "degraded");
  bring_up(worker(2));
  for (int i = 0; i < 4; ++i) {
    worker(2).serve_all();
    run();
  }
  CHECK(answered(waits));
  CHECK(answered(next[0]));
  CHECK(answered(next[1]));
  CHECK(world.claims[R"({"n":"a"})"] == 1);
}

TEST_CASE_FIXTURE(recycle_fixture, "two orders for one slot are one [L1]") {
  recycle();
  recycle();
  CHECK(world.workers.size() == 2);
  bring_up(worker(1));
  CHECK(answers == 2);
}

TEST_CASE_FIXTURE(recycle_fixture, "what cannot be recycled says why [L1]") {
  recycle(1);
  CHECK(answer->error().reason == reason::invalid_argument);
  CHECK(answer->error().message.find("slot 1") != std::string::npos);
  crash(worker(0), SIGSEGV);
  recycle(); // another one is on its way: it is new as it is
  bring_up(worker(1));
  CHECK(answers == 2);
  CHECK(*answer);
  recycle();
  auto drained = false;
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                 make_local(drain_order{1s, [&] { drained = true; }}));
  run();
  CHECK(answers == 3);
  CHECK(answer->error().reason == reason::draining);
  CHECK(drained);
  recycle();
  CHECK(answers == 4);
  CHECK(answer->error().reason == reason::draining);
}

TEST_CASE_FIXTURE(recycle_fixture, "a stop in the middle takes both along [R7]") {
  recycle();
  worker(1).spawn();
  run();
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  run();
  CHECK(worker(0).shutdown_came);
  CHECK(worker(1).kill_came);
  crash(worker(1), SIGKILL);
  end_old();
  CHECK(!worker(0).object_alive);
  CHECK(!worker(1).object_alive);
  CHECK(answers == 1);
  CHECK(answer->error().reason == reason::draining);
}

TEST_CASE_FIXTURE(recycle_fixture, "the last ends are kept, the latest first [W9]") {
  for (size_t i = 0; i < deaths_kept + 4; ++i) {
    auto x = std::make_shared<death_certificate>();
    x->calls_done = i;
    entry->deaths().add(x);
  }
  CHECK(entry->deaths().latest(1000).size() == deaths_kept);
  CHECK(entry->deaths().latest(2).size() == 2);
  CHECK(last_death()->calls_done == deaths_kept + 3);
  crash(worker(0), SIGSEGV);
  CHECK(last_death()->cause == "SIGSEGV");
}

TEST_SUITE_END();
