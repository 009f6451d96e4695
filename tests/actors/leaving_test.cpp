#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// One worker with three lanes: a call runs on each of the first two, and the first one's will
/// never end by itself.
struct leaving_fixture : pool_fixture {
  size_t stuck = 0;
  size_t other = 0;
  scripted_lane* stuck_lane = nullptr;
  scripted_lane* other_lane = nullptr;

  leaving_fixture() {
    lanes = 3;
    start_ready();
    stuck = submit("stuck", 1s);
    other = submit("other");
    stuck_lane = claim(R"({"n":"stuck"})");
    other_lane = claim(R"({"n":"other"})");
  }

  scripted_lane* claim(const std::string& data) {
    for (auto& lane : worker(0).lanes)
      if (!lane.inbox.empty() && lane.inbox.front().data == data) {
        lane.claim();
        return &lane;
      }
    FAIL("no lane has " << data);
    return nullptr;
  }

  /// The call is past its deadline and the grace is over.
  void overrun() {
    advance(1s);
    REQUIRE(failure(stuck).reason == reason::deadline_exceeded);
    REQUIRE(stuck_lane->interrupted());
    REQUIRE(!other_lane->interrupted());
    advance(2s);
  }

  void end(scripted_lane& x) {
    x.finish();
    x.send();
    run();
  }

  void bury() {
    worker(0).die(SIGKILL);
    while (!worker(0).lane_closed_told())
      worker(0).tell_lane_closed();
    worker(0).tell_exit();
    run();
  }
};

} // namespace

TEST_SUITE_BEGIN("leaving");

TEST_CASE_FIXTURE(leaving_fixture, "a worker whose call must be ended leaves at once [Q5]") {
  overrun();
  CHECK(!worker(0).kill_came);
  auto next = submit("next");
  for (auto& lane : worker(0).lanes)
    CHECK(lane.inbox.empty());
  REQUIRE(world.workers.size() == 2); // another one has its slot
  CHECK(stats().lanes == 0);          // what leaves gets nothing any more
  bring_up(worker(1));
  CHECK(stats().lanes == 3);
  worker(1).serve_all();
  run();
  CHECK(answered(next));
  CHECK(!answered(other));
}

TEST_CASE_FIXTURE(leaving_fixture, "it is ended when what ran in it has ended [Q5]") {
  overrun();
  end(*other_lane);
  CHECK(text(other) == R"({"n":"other"})");
  CHECK(worker(0).kill_came);
  bury();
  CHECK(stats().worker_exits == 1);
  CHECK(stats().in_flight == 0);
  CHECK(!worker(0).object_alive);
}

TEST_CASE_FIXTURE(leaving_fixture, "it is ended when what runs in it has had its time [Q5]") {
  overrun();
  advance(29s);
  CHECK(!worker(0).kill_came);
  advance(1s);
  CHECK(worker(0).kill_came);
  bury();
  auto& why = failure(other);
  CHECK(why.reason == reason::worker_killed);
  CHECK(why.details.at("because") == "deadline");
  CHECK(why.details.at("culprit") == "work");
  CHECK(why.certificate->running_tools.size() == 2);
}

TEST_CASE_FIXTURE(leaving_fixture, "it is ended at once if nobody waits for anything in it [Q5]") {
  end(*other_lane);
  overrun();
  CHECK(worker(0).kill_came);
}

TEST_CASE_FIXTURE(leaving_fixture, "what has not begun in it goes elsewhere [Q5, Q7]") {
  advance(999ms);
  auto third = submit("third");
  auto& lane = *claim(R"({"n":"third"})");
  end(lane); // the tool is known as short now
  CHECK(answered(third));
  auto calls = submit_all({"a", "b", "c"});
  overrun();
  CHECK(stats().queued + stats().in_flight >= 4);
  bring_up(worker(1));
  for (int i = 0; i < 8; ++i) {
    worker(1).serve_all();
    run();
  }
  for (auto call : calls)
    CHECK(answered(call));
  CHECK(!answered(other));
}

TEST_CASE_FIXTURE(leaving_fixture, "a call in a worker that leaves can be cancelled [Q3, Q5]") {
  overrun();
  cancel(other);
  CHECK(failure(other).reason == reason::cancelled);
  advance(20ms);
  CHECK(worker(0).kill_came); // nobody waits for anything in it
}

TEST_CASE_FIXTURE(leaving_fixture, "a crash of a worker that leaves is settled as any other [Q5]") {
  overrun();
  bring_up(worker(1));
  crash(worker(0), SIGSEGV);
  CHECK(failure(other).reason == reason::worker_crashed);
  CHECK(stats().worker_exits == 1);
  CHECK(stats().workers_ready == 1);
}

TEST_SUITE_END();
