#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// One worker whose call is stuck; its stacks come when they are told to.
struct stacks_fixture : pool_fixture {
  size_t stuck = 0;

  stacks_fixture() {
    world.slow_stacks = true;
    start_ready();
    stuck = submit("stuck", 1s);
    worker(0).claim();
  }

  void tell() {
    worker(0).tell_stacks();
    run();
  }

  void bury(int signal) {
    worker(0).die(signal);
    while (!worker(0).lane_closed_told())
      worker(0).tell_lane_closed();
    worker(0).tell_exit();
    run();
  }
};

} // namespace

TEST_SUITE_BEGIN("stacks");

TEST_CASE_FIXTURE(stacks_fixture, "a call at its deadline is answered with the stacks [W9] [Q2]") {
  advance(1s);
  CHECK(!answered(stuck));
  CHECK(!worker(0).interrupted()); // else there would be nothing to see
  tell();
  auto& why = failure(stuck);
  CHECK(why.reason == reason::deadline_exceeded);
  REQUIRE(why.stacks);
  CHECK(why.stacks->python.at(0).frames.at(0).file == "tool.py");
  CHECK(why.details.at("certificate_id").ends_with("/p/0.1"));
  CHECK(worker(0).interrupted());
}

TEST_CASE_FIXTURE(stacks_fixture, "it waits for them 50 ms and no longer [W9]") {
  advance(1s);
  advance(49ms);
  CHECK(!answered(stuck));
  advance(1ms);
  CHECK(failure(stuck).reason == reason::deadline_exceeded);
  REQUIRE(failure(stuck).stacks); // as far as they had come
  CHECK(failure(stuck).stacks->python.size() == 1);
  advance(10ms);
  CHECK(worker(0).interrupted());
  tell(); // too late for it
  CHECK(ends[stuck]->answers == 1);
}

TEST_CASE_FIXTURE(stacks_fixture, "a call that ends meanwhile is answered at once [W9]") {
  advance(1s);
  worker(0).finish();
  worker(0).send();
  run();
  CHECK(failure(stuck).reason == reason::deadline_exceeded);
  CHECK(!failure(stuck).stacks);
  CHECK(stats().late_replies == 1);
}

TEST_CASE_FIXTURE(stacks_fixture, "one whose worker dies meanwhile has the certificate [W9]") {
  advance(1s);
  worker(0).stacks_text.clear();
  worker(0).die(SIGSEGV);
  while (!worker(0).lane_closed_told())
    worker(0).tell_lane_closed();
  worker(0).tell_exit();
  run();
  auto& why = failure(stuck);
  CHECK(why.reason == reason::deadline_exceeded);
  REQUIRE(why.certificate);
  CHECK(why.certificate->cause == "SIGSEGV");
  CHECK(why.certificate->id == why.details.at("certificate_id"));
}

TEST_CASE_FIXTURE(stacks_fixture, "deadlines that pass one after the other ask now and then [W9]") {
  advance(1s);
  tell();
  worker(0).finish();
  worker(0).send();
  run();
  auto next = submit("next", 10ms);
  worker(0).claim();
  advance(10ms);
  CHECK(worker(0).stacks_asked == 1);
  CHECK(!failure(next).stacks);
  CHECK(failure(next).details.at("certificate_id").ends_with("/p/0.1"));
}

TEST_CASE_FIXTURE(stacks_fixture, "an answer that is late has no stacks, but the id [W9]") {
  advance(1100ms); // nobody looked meanwhile
  CHECK(failure(stuck).reason == reason::deadline_exceeded);
  CHECK(!failure(stuck).stacks);
  CHECK(worker(0).stacks_asked == 0);
  CHECK(failure(stuck).details.at("certificate_id").ends_with("/p/0.1"));
}

TEST_CASE_FIXTURE(stacks_fixture, "a worker is ended when its stacks are there [W9]") {
  advance(1s);
  tell();
  advance(2s);
  CHECK(!worker(0).kill_came);
  auto other = submit("other");
  CHECK(worker(0).inbox().empty()); // it takes no more calls
  tell();
  CHECK(worker(0).kill_came);
  bury(SIGKILL);
  CHECK(!answered(other)); // it waits for the next worker
}

TEST_CASE_FIXTURE(stacks_fixture, "it is ended after a second without an answer [W9]") {
  advance(1s);
  tell();
  advance(2s);
  worker(0).stacks_text.clear();
  advance(1099ms);
  CHECK(!worker(0).kill_came);
  SUBCASE("with what it has written") {
    worker(0).stacks_text =
      "Thread 0x01 (most recent call first):\n  File \"half.py\", line 3 in work\n";
    advance(1ms);
    CHECK(worker(0).kill_came);
    bury(SIGKILL);
    auto why = last_death();
    CHECK(why->ended_by_us == "deadline");
    CHECK(to_text(*why).find("half.py") != std::string::npos);
  }
  SUBCASE("or with nothing, and says so") {
    advance(1ms);
    CHECK(worker(0).kill_came);
    bury(SIGKILL);
    auto why = last_death();
    CHECK(why->stacks.note == "Python did not say within 1100 ms what it does.");
  }
}

TEST_CASE_FIXTURE(stacks_fixture, "one that ends by itself meanwhile was not ended by us [W9]") {
  auto other = submit("other");
  advance(1s);
  tell();
  worker(0).stacks_text.clear();
  advance(2s);
  bury(SIGSEGV);
  CHECK(!worker(0).kill_came);
  CHECK(!answered(other));
  CHECK(stats().worker_exits == 1);
}

TEST_SUITE_END();
