#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// Workers whose lanes, four each, are on one event loop.
struct loop_fixture : pool_fixture {
  loop_fixture() {
    lanes = 4;
    on_loop = true;
    cfg.heartbeat = {.interval = 1s, .timeout = 2s, .jitter = 0};
    listen();
  }

  scripted_lane& lane(size_t i) {
    return worker(0).lanes.at(i);
  }

  /// In small steps: a host that looks late does not judge.
  void pass(duration span) {
    for (; span > 0s; span -= 50ms)
      advance(50ms);
  }

  void end(scripted_lane& x) {
    x.finish();
    x.send();
    run();
  }

  /// The lane that was given this and has not claimed it.
  scripted_lane& lane_with(const std::string& n) {
    for (auto& x : world.workers)
      for (auto& each : x->lanes)
        if (!each.inbox.empty() && each.inbox.front().data == "{\"n\":\"" + n + "\"}")
          return each;
    FAIL("no lane has " << n);
    return lane(0);
  }

  size_t waiting_on(size_t i) {
    auto n = size_t{0};
    for (auto& each : worker(i).lanes)
      n += each.inbox.size();
    return n;
  }
};

} // namespace

TEST_SUITE_BEGIN("loop");

TEST_CASE_FIXTURE(loop_fixture, "one probe proves all lanes of a loop [W5, W7]") {
  start();
  auto& x = worker(0);
  x.spawn();
  run();
  x.bind();
  run();
  x.greet();
  run();
  CHECK(x.inbox().size() == 1);
  CHECK(waiting_on(0) == 1);
  x.serve_all();
  run();
  CHECK(stats().workers_ready == 1);
  CHECK(stats().lanes == 4);
}

TEST_CASE_FIXTURE(loop_fixture, "a lane on a loop has one call at a time [W5, P4]") {
  start_ready();
  submit("warm");
  worker(0).serve_all(); // `work` is known as short: elsewhere calls would ride together
  run();
  auto calls = submit_all({"1", "2", "3", "4", "5", "6", "7", "8", "9"});
  for (auto& each : worker(0).lanes)
    CHECK(each.inbox.size() == 1);
  CHECK(stats().queued == 5);
  for (int i = 0; i < 4; ++i) {
    worker(0).serve_all();
    run();
    for (auto& each : worker(0).lanes)
      CHECK(each.inbox.size() <= 1);
  }
  for (auto call : calls)
    CHECK(answered(call));
}

TEST_CASE_FIXTURE(loop_fixture, "a cancelled coroutine leaves its neighbours alone [Q5]") {
  start_ready();
  auto calls = submit_all({"a", "b", "c"});
  for (auto* n : {"a", "b", "c"})
    lane_with(n).claim();
  cancel(calls[1]);
  CHECK(failure(calls[1]).reason == reason::cancelled);
  auto wanted = size_t{0};
  for (auto& each : worker(0).lanes)
    wanted += each.interrupted();
  CHECK(wanted == 1);
  for (auto& each : worker(0).lanes)
    if (each.running())
      end(each);
  CHECK(text(calls[0]) == R"({"n":"a"})");
  CHECK(text(calls[2]) == R"({"n":"c"})");
  CHECK(!worker(0).kill_came);
  pass(5s);
  CHECK(!worker(0).kill_came);
}

TEST_CASE_FIXTURE(loop_fixture, "what a blocked loop has not begun goes elsewhere [W5, W6, Q7]") {
  cfg.workers = 2;
  start_ready();
  auto blocker = submit("blocker");
  auto& its = lane_with("blocker");
  its.claim();
  auto& blocked = worker(0).any_running() ? worker(0) : worker(1);
  auto& other = worker(0).any_running() ? worker(1) : worker(0);
  auto calls = submit_all({"1", "2", "3"});
  other.serve_all();
  run();
  pass(200ms);
  auto left = size_t{0};
  for (auto call : calls)
    left += !answered(call);
  REQUIRE(left > 0); // the blocked one has been given some
  pass(100ms);
  other.serve_all();
  run();
  for (auto call : calls)
    CHECK(answered(call));

  // It gets nothing more, but counts as ready: busy is not dead.
  auto more = submit_all({"4", "5", "6"});
  for (auto& each : blocked.lanes)
    for (auto& item : each.inbox)
      CHECK(item.seq > each.page().limit());
  other.serve_all();
  run();
  CHECK(stats().workers_ready == 2);
  pass(60s);
  CHECK(!blocked.kill_came);
  CHECK(!answered(blocker));

  // The loop comes round: it gives up what was taken back, and is given calls again.
  end(its);
  CHECK(answered(blocker));
  blocked.serve_all();
  run();
  for (auto call : more)
    CHECK(answered(call));
  submit_all({"7", "8", "9", "10", "11", "12", "13", "14"});
  for (auto& each : blocked.lanes)
    CHECK(each.inbox.size() == 1);
  for (auto& [data, times] : world.claims)
    CHECK_MESSAGE(times == 1, data);
}

TEST_CASE_FIXTURE(loop_fixture, "a loop that only gives back is free again, too [W5, Q7]") {
  start_ready();
  submit("blocker");
  lane_with("blocker").claim();
  auto call = submit("1");
  auto& had_it = lane_with("1");
  pass(300ms);
  CHECK(stats().queued == 1); // there is no other worker
  had_it.claim();             // the blocker awaits something: the loop meets the limit
  run();
  CHECK(stats().queued == 0);
  worker(0).serve_all();
  run();
  CHECK(answered(call));
}

TEST_CASE_FIXTURE(loop_fixture, "without a barrier a blocked loop is cleared all the same [Q7]") {
  world.has_barrier = false;
  cfg.workers = 2;
  start_ready();
  submit("blocker");
  lane_with("blocker").claim();
  auto& other = worker(0).any_running() ? worker(1) : worker(0);
  auto calls = submit_all({"1", "2", "3"});
  pass(400ms);
  other.serve_all();
  run();
  for (auto call : calls)
    CHECK(answered(call));
}

TEST_CASE_FIXTURE(loop_fixture,
                  "a loop that runs calls needs no probe, an idle one needs one [W7]") {
  cfg.health_interval = 5s;
  start_ready();
  auto call = submit("long");
  auto& its = lane_with("long");
  its.claim();
  pass(12s);
  CHECK(waiting_on(0) == 0);
  end(its);
  CHECK(answered(call));
  pass(6s);
  CHECK(waiting_on(0) == 1);
  CHECK(worker(0).inbox().at(0).tool == core::tool_number::probe);
  worker(0).serve_all();
  run();
  CHECK(stats().in_flight == 0);
}

TEST_CASE_FIXTURE(loop_fixture,
                  "an idle loop that cannot run a probe is not ready, and replaced [W7]") {
  cfg.health_interval = 5s;
  start_ready();
  pass(5s);
  REQUIRE(waiting_on(0) == 1);
  pass(300ms);
  submit("a");
  CHECK(waiting_on(0) == 1); // no lane is given anything
  pass(3s);
  CHECK(ledger.count(event_kind::worker_health_failed) == 1);
  CHECK(worker(0).kill_came);
}

TEST_CASE_FIXTURE(loop_fixture,
                  "a crash loses what ran; what had ended comes from the journal [Q7]") {
  start_ready();
  auto calls = submit_all({"ran", "ended", "waits"});
  lane_with("ran").claim();
  auto& done = lane_with("ended");
  done.claim();
  done.finish(); // and is not sent
  crash(worker(0), SIGSEGV);
  CHECK(text(calls[1]) == R"({"n":"ended"})");
  CHECK(failure(calls[0]).reason == reason::worker_crashed);
  CHECK(!answered(calls[2]));
  bring_up(worker(1));
  worker(1).serve_all();
  run();
  CHECK(text(calls[2]) == R"({"n":"waits"})");
}

TEST_CASE_FIXTURE(loop_fixture, "a certificate names first which coroutine was executed [W9]") {
  start_ready();
  auto first = submit("a", infinite, infinite, "echo");
  auto second = submit("b", infinite, infinite, "work");
  auto third = submit("c", infinite, infinite, "echo");
  for (auto* n : {"a", "c"})
    lane_with(n).claim();
  auto& its = lane_with("b");
  its.claim();
  its.page().set_in_step(true);
  crash(worker(0), SIGSEGV);
  for (auto call : {first, second, third}) {
    auto& certificate = *failure(call).certificate;
    CHECK(certificate.running_tool == "work");
    REQUIRE(certificate.running.size() == 3);
    CHECK(certificate.running[0].tool == "work");
    CHECK(certificate.running_tools.size() == 3);
  }
}

TEST_CASE_FIXTURE(loop_fixture, "a coroutine that refuses to end has its worker leave [Q5]") {
  start_ready();
  auto stuck = submit("stuck", 1s);
  auto other = submit("other");
  lane_with("stuck").claim();
  auto& neighbour = lane_with("other");
  neighbour.claim();
  pass(1100ms);
  CHECK(failure(stuck).reason == reason::deadline_exceeded);
  pass(2s);
  CHECK(!worker(0).kill_came);
  REQUIRE(world.workers.size() == 2); // another one has its slot
  end(neighbour);
  CHECK(text(other) == R"({"n":"other"})");
  CHECK(worker(0).kill_came);
}

TEST_SUITE_END();
