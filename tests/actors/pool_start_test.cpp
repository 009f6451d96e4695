#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("pool start");

TEST_CASE_FIXTURE(pool_fixture, "start goes in batches [P2]") {
  cfg.workers = 5;
  cfg.start.batch_size = 2;
  start();
  CHECK(world.workers.size() == 2);
  bring_up(worker(0));
  CHECK(world.workers.size() == 3);
}

struct waiting_fixture : pool_fixture {
  std::optional<result<start_report>> told;

  void await(bool all) {
    told.reset();
    caf::anon_send(
      caf::actor_cast<pool_actor>(entry->actor()),
      make_local(ready_waiter{all, [this](result<start_report> x) { told = std::move(x); }}));
    run();
  }

  /// Somebody waits for a pool whose first failed start is one too many; its worker is loading its
  /// adapter.
  void begin_greeting() {
    cfg.restart.start_failures = 1;
    start();
    await(false);
    worker(0).spawn();
    run();
    worker(0).bind();
    run();
  }
};

TEST_CASE_FIXTURE(waiting_fixture, "ready means min_ready workers, started means all [P3]") {
  cfg.workers = 2;
  start();
  await(false);
  CHECK(!told);
  bring_up(worker(0));
  REQUIRE(told);
  CHECK(told->has_value());
  await(true);
  CHECK(!told);
  bring_up(worker(1));
  REQUIRE(told);
  CHECK(told->has_value());
  await(true); // after
  CHECK(told->has_value());
}

TEST_CASE_FIXTURE(waiting_fixture,
                  "a start that cannot succeed ends the waiting at its first try [P3]") {
  start();
  auto queued = submit("1");
  await(false);
  worker(0).fail_to_spawn(
    {reason::worker_start_failed, "no such interpreter", {{"errno", "ENOENT"}}});
  run();
  REQUIRE(told);
  REQUIRE(!told->has_value());
  CHECK(told->error().reason == reason::pool_failed);
  CHECK(told->error().message.find("no such interpreter") != std::string::npos);
  CHECK(failure(queued).reason == reason::pool_failed);
  CHECK(failure(submit("2")).reason == reason::pool_failed); // at once
}

TEST_CASE_FIXTURE(waiting_fixture,
                  "failed starts in a row make the pool failed, one ready heals it [W10]") {
  cfg.restart.start_failures = 3;
  cfg.restart.backoff = {0ms};
  start();
  await(false);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(!told);
    worker(i).spawn();
    run();
    worker(i).exit(1);
    worker(i).tell_exit();
    run();
  }
  REQUIRE(told);
  CHECK(told->error().reason == reason::pool_failed);
  CHECK(told->error().certificate->exit_code == 1);
  CHECK(stats().state == "failed");
  CHECK(world.workers.size() == 3);
  advance(10s);
  REQUIRE(world.workers.size() == 4);
  bring_up(worker(3));
  CHECK(stats().state == "ready");
  auto call = submit("1");
  worker(3).serve_all();
  run();
  CHECK(answered(call));
}

TEST_CASE_FIXTURE(waiting_fixture,
                  "what a worker says of its start is heard also after its end is known [P3]") {
  begin_greeting();
  worker(0).exit(70);
  worker(0).tell_exit();
  run();
  CHECK(!told);
  worker(0).refuse_hello(
    {reason::worker_start_failed, "the adapter has a syntax error", {{"phase", "import"}}});
  run();
  REQUIRE(told);
  REQUIRE(!told->has_value());
  CHECK(told->error().message.find("syntax error") != std::string::npos);
  CHECK(told->error().certificate->exit_code == 70);
}

TEST_CASE_FIXTURE(waiting_fixture,
                  "a worker that ends without an answer to Hello is settled [P3]") {
  begin_greeting();
  SUBCASE("the answer never comes") {
    worker(0).exit(1);
    worker(0).tell_exit();
    run();
    CHECK(!told);
    advance(1s);
  }
  SUBCASE("the connection is lost") {
    worker(0).exit(1);
    worker(0).tell_exit();
    run();
    CHECK(!told);
    worker(0).tell_lane_closed();
    run();
  }
  REQUIRE(told);
  CHECK(told->error().certificate->exit_code == 1);
  CHECK(told->error().message.find("connection") == std::string::npos);
}

TEST_CASE_FIXTURE(waiting_fixture, "a worker that does not become ready in time is ended [P3]") {
  cfg.start.timeout = 5s;
  begin_greeting();
  advance(5s);
  CHECK(worker(0).kill_came);
  crash(worker(0), SIGKILL);
  REQUIRE(told);
  CHECK(told->error().details.at("cause") == "start_timeout");
  CHECK(told->error().message.find("; it was loading and initializing its adapter")
        != std::string::npos);
}

struct short_fixture : waiting_fixture {
  /// What the kernel says when there can be no more processes.
  void find_none(scripted_worker& x) {
    x.fail_to_spawn({reason::worker_start_failed,
                     "clone: Resource temporarily unavailable (EAGAIN)",
                     {{"errno", "EAGAIN"}}});
    run();
  }
};

TEST_CASE_FIXTURE(short_fixture,
                  "short of processes a pool goes on with the workers that it has [W10]") {
  cfg.workers = 2;
  cfg.min_ready = 2;
  cfg.restart.start_failures = 3;
  cfg.restart.backoff = {0ms};
  start_ready();
  CHECK(stats().state == "ready");
  crash(worker(1), SIGKILL);
  CHECK(stats().state == "degraded");
  for (size_t i = 2; i < 22; ++i) {
    REQUIRE(world.workers.size() == i + 1);
    find_none(worker(i));
  }
  CHECK(stats().state == "degraded");
  CHECK(stats().worker_start_failures == 20);
  auto call = submit("1");
  worker(0).serve_all();
  run();
  CHECK(answered(call));
  // And if that one ends, too, those tries do not count.
  crash(worker(0), SIGKILL);
  CHECK(stats().state == "degraded");
  bring_up(worker(22));
  bring_up(worker(23));
  CHECK(stats().state == "ready");
}

TEST_CASE_FIXTURE(short_fixture,
                  "a pool that has room for some of its workers only does not fail [P3] [W10]") {
  cfg.workers = 8;
  start();
  await(false);
  for (size_t i = 1; i < 8; ++i)
    find_none(worker(i));
  CHECK(!told);
  CHECK(stats().state == "starting");
  bring_up(worker(0));
  REQUIRE(told);
  CHECK(told->has_value());
  CHECK(stats().state == "ready");
}

TEST_CASE_FIXTURE(short_fixture, "a pool that never was ready is not degraded [W10]") {
  cfg.workers = 2;
  start();
  CHECK(stats().state == "starting");
  find_none(worker(0));
  CHECK(stats().state == "starting");
  bring_up(worker(1));
  CHECK(stats().state == "ready");
}

TEST_CASE_FIXTURE(short_fixture, "a failed pool says how its last workers ended [W10]") {
  cfg.restart.start_failures = 2;
  cfg.restart.backoff = {0ms};
  start_ready();
  crash(worker(0), SIGSEGV);
  find_none(worker(1));
  find_none(worker(2));
  REQUIRE(stats().state == "failed");
  auto why = failure(submit("1")); // at once
  CHECK(why.reason == reason::pool_failed);
  CHECK(why.details.at("last_ends")
        == "worker 0.1 died by SIGSEGV\n"
           "worker 0.2 did not start: clone: Resource temporarily unavailable (EAGAIN)\n"
           "worker 0.3 did not start: clone: Resource temporarily unavailable (EAGAIN)");
}

TEST_CASE_FIXTURE(pool_fixture,
                  "crashes in service never close the pool, back-off grows [P5, W10]") {
  cfg.restart.backoff = {0ms, 100ms, 500ms};
  start_ready();
  crash(worker(0), SIGSEGV);
  REQUIRE(world.workers.size() == 2); // at once
  bring_up(worker(1));
  crash(worker(1), SIGSEGV);
  CHECK(world.workers.size() == 2);
  advance(100ms);
  REQUIRE(world.workers.size() == 3);
  bring_up(worker(2));
  auto call = submit("1"); // a good call begins the back-off anew
  worker(2).serve_all();
  run();
  REQUIRE(answered(call));
  crash(worker(2), SIGSEGV);
  CHECK(world.workers.size() == 4);
}

TEST_CASE_FIXTURE(pool_fixture, "two thousand crashes in a row never close the pool [P5, W10]") {
  cfg.restart.backoff = {0ms, 1ms};
  start_ready();
  for (size_t i = 0; i < 2000; ++i) {
    crash(worker(i), i % 2 == 0 ? SIGSEGV : SIGKILL);
    REQUIRE(stats().state == "degraded");
    if (i > 0)
      advance(1ms);
    REQUIRE(world.workers.size() == i + 2);
    bring_up(worker(i + 1));
  }
  CHECK(stats().degraded_by == "crashes"); // which closes nothing
  CHECK(stats().workers_ready == 1);
  CHECK(stats().worker_exits == 2000);
  CHECK(stats().worker_start_failures == 0);
  auto call = submit("1");
  worker(2000).serve_all();
  run();
  CHECK(answered(call));
}

TEST_SUITE_END();
