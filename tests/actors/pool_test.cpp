#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("pool");

TEST_CASE_FIXTURE(pool_fixture, "a call runs on a ready worker and its result comes back [Q7]") {
  start_ready();
  auto call = submit("1");
  CHECK(!answered(call));
  worker(0).serve_all();
  run();
  CHECK(text(call) == R"({"n":"1"})");
  CHECK(ends[call]->answers == 1);
}

TEST_CASE_FIXTURE(pool_fixture, "calls wait in the queue until a worker is proved ready [P4]") {
  start();
  auto call = submit("1");
  worker(0).spawn();
  worker(0).bind();
  run();
  worker(0).greet();
  run();
  REQUIRE(worker(0).inbox.size() == 1); // the probe, and nothing else
  CHECK(worker(0).inbox.front().tool == core::tool_number::probe);
  worker(0).serve_all();
  run();
  CHECK(worker(0).inbox.size() == 1);
  worker(0).serve_all();
  run();
  CHECK(answered(call));
}

TEST_CASE_FIXTURE(pool_fixture, "an unknown tool is refused with its name once tools are known") {
  start_ready();
  auto call = submit("1", infinite, infinite, "wrok");
  CHECK(failure(call).reason == reason::unknown_tool);
  CHECK(failure(call).message.find("wrok") != std::string::npos);
  CHECK(failure(call).message.find("work") != std::string::npos);
}

TEST_CASE_FIXTURE(pool_fixture,
                  "an unknown tool that waited for the first worker is refused then") {
  start();
  auto call = submit("1", infinite, infinite, "wrok");
  CHECK(!answered(call));
  bring_up(worker(0));
  CHECK(failure(call).reason == reason::unknown_tool);
}

TEST_CASE_FIXTURE(pool_fixture, "a full queue refuses at once and says when to come back [Q1]") {
  cfg.queue.max_calls = 3;
  start();
  auto calls = submit_all({"1", "2", "3", "4"});
  CHECK(!answered(calls[2]));
  CHECK(failure(calls[3]).reason == reason::pool_saturated);
  CHECK(failure(calls[3]).details.count("retry_after") == 1);
  CHECK(stats().rejected.at("pool_saturated") == 1);
}

TEST_CASE_FIXTURE(pool_fixture, "a call leaves the queue when its time to wait is over [Q2]") {
  start();
  auto waits = submit("1", 10s, 1s);
  auto dies = submit("2", 500ms, 1s);
  advance(499ms);
  CHECK(!answered(dies));
  advance(1ms);
  CHECK(failure(dies).reason == reason::deadline_exceeded);
  CHECK(!answered(waits));
  advance(500ms);
  CHECK(failure(waits).reason == reason::queue_timeout);
  bring_up(worker(0));
  CHECK(worker(0).inbox.empty());
}

TEST_CASE_FIXTURE(pool_fixture, "an idle lane gets a call at once, two lanes share [P4]") {
  cfg.workers = 2;
  start_ready();
  submit("1");
  submit("2");
  CHECK(worker(0).inbox.size() == 1);
  CHECK(worker(1).inbox.size() == 1);
}

TEST_CASE_FIXTURE(pool_fixture,
                  "a tool without samples travels alone, a short one in batches [P4]") {
  start_ready();
  auto calls = submit_all({"1", "2", "3", "4"});
  CHECK(worker(0).inbox.size() == 1);
  worker(0).serve_all();
  run();
  CHECK(worker(0).inbox.size() == 3); // 5 µs each is known now
}

TEST_CASE_FIXTURE(pool_fixture, "a crash costs the call that ran, the others go elsewhere [Q7]") {
  start_ready();
  submit("warm");
  worker(0).serve_all();
  run();
  auto calls = submit_all({"1", "2", "3"});
  REQUIRE(worker(0).inbox.size() == 3);
  worker(0).claim();
  crash(worker(0), SIGSEGV);
  CHECK(failure(calls[0]).reason == reason::worker_crashed);
  CHECK(failure(calls[0]).message.find("SIGSEGV") != std::string::npos);
  REQUIRE(failure(calls[0]).certificate);
  CHECK(failure(calls[0]).certificate->running_tool == "work");
  CHECK(failure(calls[0]).certificate->last_stderr == "last words of p/0.1");
  CHECK(!answered(calls[1]));
  REQUIRE(world.workers.size() == 2); // the next generation, at once
  CHECK(worker(1).label == "p/0.2");
  bring_up(worker(1));
  worker(1).serve_all();
  run();
  CHECK(text(calls[1]) == R"({"n":"2"})");
  CHECK(text(calls[2]) == R"({"n":"3"})");
  CHECK(stats().worker_exits == 1);
}

TEST_CASE_FIXTURE(pool_fixture, "calls sent to a worker that has just died are not lost [Q7]") {
  start_ready();
  submit("warm");
  worker(0).serve_all();
  run();
  // The pool hands out a call while the worker's farewell is on its way.
  worker(0).die(SIGKILL);
  worker(0).tell_lane_closed();
  worker(0).tell_exit();
  auto call = submit_all({"1"}, infinite, infinite, "work", false).front();
  run();
  CHECK(!answered(call));
  bring_up(worker(1));
  worker(1).serve_all();
  run();
  CHECK(text(call) == R"({"n":"1"})");
}

TEST_CASE_FIXTURE(pool_fixture,
                  "a call past its deadline is answered and its tool interrupted [Q2]") {
  start_ready();
  auto call = submit("1", 1s);
  worker(0).claim();
  advance(1s);
  CHECK(failure(call).reason == reason::deadline_exceeded);
  REQUIRE(worker(0).interrupted());
  worker(0).finish_with({reason::cancelled, "interrupted"});
  worker(0).send();
  run();
  CHECK(ends[call]->answers == 1);
  CHECK(stats().late_replies == 1);
  auto next = submit("2");
  worker(0).serve_all();
  run();
  CHECK(answered(next));
}

TEST_CASE_FIXTURE(pool_fixture, "a tool that ignores its interruption costs the worker [Q2]") {
  start_ready();
  auto call = submit("1", 1s);
  worker(0).claim();
  advance(1s);
  CHECK(answered(call));
  advance(1900ms);
  CHECK(!worker(0).kill_came);
  advance(200ms);
  CHECK(worker(0).kill_came);
  crash(worker(0), SIGKILL);
  CHECK(world.workers.size() == 2);
}

TEST_CASE_FIXTURE(pool_fixture, "a cancelled call is answered, queued or running") {
  start_ready();
  auto running = submit("1");
  worker(0).claim();
  auto queued = submit("2");
  cancel(queued);
  CHECK(failure(queued).reason == reason::cancelled);
  cancel(running);
  CHECK(failure(running).reason == reason::cancelled);
  CHECK(worker(0).interrupted());
  cancel(running);
  CHECK(ends[running]->answers == 1);
}

TEST_CASE_FIXTURE(pool_fixture, "a CAF request is answered with a response or our error") {
  start_ready();
  auto pool = caf::actor_cast<pool_interface>(entry->actor());
  auto good = self->request(pool, caf::infinite, request{"work", R"({"n":"1"})"});
  run();
  worker(0).serve_all();
  run();
  CHECK(answer<response>(good)->text == R"({"n":"1"})");
  auto bad = self->request(pool, caf::infinite, request{"nothing", "{}"});
  run();
  auto why = from_caf(answer<response>(bad).error());
  CHECK(why.reason == reason::unknown_tool);
  CHECK(!why.message.empty());
}

TEST_SUITE_END();

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
  cfg.restart.start_failures = 1;
  start();
  await(false);
  worker(0).spawn();
  run();
  worker(0).bind();
  run();
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
  cfg.restart.start_failures = 1;
  start();
  await(false);
  worker(0).spawn();
  run();
  worker(0).bind();
  run();
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
  cfg.restart.start_failures = 1;
  cfg.start.timeout = 5s;
  start();
  await(false);
  worker(0).spawn();
  run();
  worker(0).bind();
  run();
  advance(5s);
  CHECK(worker(0).kill_came);
  crash(worker(0), SIGKILL);
  REQUIRE(told);
  CHECK(told->error().details.at("cause") == "start_timeout");
  CHECK(told->error().message.find("initialized its adapter") != std::string::npos);
}

TEST_CASE_FIXTURE(pool_fixture, "crashes in service never close the pool, back-off grows [W10]") {
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

TEST_SUITE_END();

TEST_SUITE_BEGIN("pool stop");

struct stopping_fixture : pool_fixture {
  bool drained = false;

  void drain(duration timeout) {
    caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                   make_local(drain_order{timeout, [this] { drained = true; }}));
    run();
  }
};

TEST_CASE_FIXTURE(stopping_fixture, "drain refuses new calls and ends the old ones [R7]") {
  start_ready();
  auto old = submit("1");
  worker(0).claim();
  drain(10s);
  CHECK(!drained);
  CHECK(failure(submit("2")).reason == reason::draining);
  worker(0).finish();
  worker(0).send();
  run();
  CHECK(answered(old));
  CHECK(drained);
}

TEST_CASE_FIXTURE(stopping_fixture, "drain is bounded [R7]") {
  start_ready();
  auto running = submit("1");
  worker(0).claim();
  auto queued = submit("2");
  drain(10s);
  advance(10s);
  CHECK(drained);
  CHECK(failure(queued).reason == reason::draining);
  CHECK(!answered(running));
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  run();
  CHECK(worker(0).shutdown_came);
  advance(2s);
  CHECK(worker(0).kill_came);
  crash(worker(0), SIGKILL);
  CHECK(failure(running).reason == reason::worker_killed);
  CHECK(failure(running).details.at("because") == "shutdown");
}

TEST_CASE_FIXTURE(stopping_fixture, "drain with no worker left answers what waits at once [R7]") {
  start();
  auto queued = submit("1");
  worker(0).spawn();
  run();
  drain(infinite);
  worker(0).exit(1);
  worker(0).tell_exit();
  run();
  CHECK(failure(queued).reason == reason::draining);
  CHECK(drained);
}

TEST_CASE_FIXTURE(stopping_fixture,
                  "the tree stops while a worker starts, and takes it along [R7]") {
  start();
  worker(0).spawn();
  run();
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  run();
  CHECK(worker(0).kill_came);
  worker(0).die(SIGKILL);
  worker(0).tell_exit();
  run();
  CHECK(!worker(0).object_alive);
}

TEST_CASE_FIXTURE(stopping_fixture,
                  "a pool that ends by a fault is started again, its calls are answered") {
  start_ready();
  auto queued_behind = submit_all({"1", "2"});
  auto before = entry->actor();
  caf::anon_send_exit(before, caf::exit_reason::kill);
  run();
  advance(5s);
  for (auto& x : world.workers)
    if (x->kill_came && !x->exit_told()) {
      x->die(SIGKILL);
      x->tell_exit();
    }
  run();
  advance(5s);
  run();
  CHECK(entry->actor() != before);
  CHECK(answered(queued_behind[1]));
}

TEST_SUITE_END();
