#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

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
