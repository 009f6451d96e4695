#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("lanes");

namespace {

struct lane_fixture : pool_fixture {
  /// A worker that knows `work` as short, so that calls ride together, is given some.
  std::vector<size_t> fill(size_t n) {
    start();
    bring_up(worker(0));
    submit("warm");
    worker(0).serve_all();
    run();
    auto data = std::vector<std::string>{};
    for (size_t i = 1; i <= n; ++i)
      data.push_back(std::to_string(i));
    auto calls = submit_all(std::move(data));
    REQUIRE(worker(0).inbox().size() == n);
    return calls;
  }

  /// Time for the pool to look at the lanes twice.
  void look() {
    advance(2ms);
    advance(2ms);
  }

  static std::string n(int i) {
    return "{\"n\":\"" + std::to_string(i) + "\"}";
  }
};

} // namespace

TEST_CASE_FIXTURE(lane_fixture, "a short call's result does not wait behind a long call [Q7]") {
  auto calls = fill(3);
  worker(0).claim();
  worker(0).finish();
  worker(0).claim(); // and runs long
  CHECK(!answered(calls[0]));
  look();
  CHECK(text(calls[0]) == n(1));
  CHECK(!answered(calls[1]));
  worker(0).finish();
  worker(0).send(); // both finals, the first once more
  run();
  CHECK(text(calls[1]) == n(2));
  CHECK(ends[calls[0]]->answers == 1);
  CHECK(stats().late_replies == 0);
}

TEST_CASE_FIXTURE(lane_fixture, "calls behind one that runs long go elsewhere [P4, Q7]") {
  cfg.workers = 2;
  auto calls = fill(3);
  worker(0).claim();
  bring_up(worker(1));
  look();
  look();
  CHECK(worker(0).page().limit() == worker(0).page().claimed());
  worker(1).serve_all();
  run();
  CHECK(text(calls[1]) == n(2));
  CHECK(text(calls[2]) == n(3));
  worker(0).finish();
  worker(0).claim(); // meets the limit
  run();
  CHECK(text(calls[0]) == n(1));
  CHECK(!worker(0).running());
  CHECK(worker(0).inbox().empty());
  for (auto& [data, times] : world.claims)
    CHECK_MESSAGE(times == 1, data);
}

TEST_CASE_FIXTURE(lane_fixture, "a lane that was cleared has no room before it says so [P4]") {
  auto calls = fill(3);
  worker(0).claim();
  look();
  look();
  CHECK(stats().queued == 2);
  worker(0).finish();
  worker(0).send();
  run();
  CHECK(text(calls[0]) == n(1));
  CHECK(stats().queued == 2);
  worker(0).claim(); // meets the limit and reports
  run();
  CHECK(worker(0).page().limit() == core::lane_page::no_limit);
  CHECK(stats().queued == 0);
  worker(0).serve_all();
  run();
  CHECK(text(calls[1]) == n(2));
  CHECK(text(calls[2]) == n(3));
}

TEST_CASE_FIXTURE(lane_fixture, "a call claimed while its lane is cleared runs once [Q7]") {
  cfg.workers = 2;
  auto calls = fill(3);
  worker(0).claim();
  bring_up(worker(1));
  worker(0).finish();
  worker(0).claim_begin(); // the second
  look();
  look();
  REQUIRE(worker(0).page().limit() == 4);
  SUBCASE("the worker has read the limit before") {
    worker(0).page().set_limit(core::lane_page::no_limit);
    worker(0).claim_end();
    worker(0).page().set_limit(4);
    REQUIRE(worker(0).running());
    worker(0).finish();
    worker(0).claim();
  }
  SUBCASE("the worker dies then") {
    crash(worker(0), SIGKILL);
  }
  worker(1).serve_all();
  run();
  CHECK(text(calls[0]) == n(1));
  CHECK(text(calls[2]) == n(3));
  CHECK(world.claims[n(2)] <= 1);
  CHECK(answered(calls[1]));
}

TEST_CASE_FIXTURE(lane_fixture, "without a barrier a claim is looked at twice [Q7]") {
  world.has_barrier = false;
  cfg.workers = 2;
  auto calls = fill(4);
  worker(0).claim();
  bring_up(worker(1));
  advance(1ms); // the limit is lowered
  REQUIRE(worker(0).page().limit() == 3);
  CHECK(worker(1).inbox().empty());
  worker(0).finish();
  worker(0).claim_begin(); // seen late
  advance(2ms);
  CHECK(worker(1).inbox().empty());
  advance(2ms);
  CHECK(worker(1).inbox().size() >= 1);
  worker(0).claim_end(); // gives the second back, too
  run();
  for (int i = 0; i < 4; ++i)
    for (size_t each : {0, 1}) {
      worker(each).serve_all();
      run();
    }
  for (size_t i = 0; i < 4; ++i)
    CHECK(text(calls[i]) == n(static_cast<int>(i) + 1));
  for (auto& [data, times] : world.claims)
    CHECK_MESSAGE(times == 1, data);
}

TEST_CASE_FIXTURE(lane_fixture, "a dead worker's finished calls come from its journal [Q7]") {
  auto calls = fill(3);
  worker(0).claim();
  worker(0).finish();
  worker(0).claim();
  crash(worker(0), SIGSEGV);
  CHECK(text(calls[0]) == n(1));
  CHECK(failure(calls[1]).reason == reason::worker_crashed);
  CHECK(!answered(calls[2]));
}

TEST_CASE_FIXTURE(lane_fixture, "a cancelled call that has not begun never runs [Q3]") {
  auto calls = fill(4);
  worker(0).claim();
  cancel(calls[2]);
  CHECK(failure(calls[2]).reason == reason::cancelled);
  CHECK(!worker(0).interrupted());
  worker(0).finish();
  worker(0).claim();
  run();
  worker(0).serve_all();
  run();
  CHECK(text(calls[0]) == n(1));
  CHECK(text(calls[1]) == n(2));
  CHECK(text(calls[3]) == n(4));
  CHECK(world.claims.count(n(3)) == 0);
}

TEST_CASE_FIXTURE(lane_fixture, "a cancelled call behind a cancelled one never runs either [Q3]") {
  auto calls = fill(3);
  worker(0).claim();
  cancel(calls[0]);
  cancel(calls[1]);
  CHECK(worker(0).interrupted());
  worker(0).finish_with({reason::cancelled, "interrupted"});
  worker(0).send();
  run();
  worker(0).claim(); // meets the limit
  run();
  worker(0).serve_all();
  run();
  CHECK(text(calls[2]) == n(3));
  CHECK(world.claims.count(n(2)) == 0);
}

TEST_CASE_FIXTURE(lane_fixture, "a call whose deadline passes before it begins never runs [Q2]") {
  start();
  bring_up(worker(0));
  submit("warm");
  worker(0).serve_all();
  run();
  auto running = submit("1");
  worker(0).claim();
  auto behind = submit("2", 1ms);
  REQUIRE(worker(0).inbox().size() == 1);
  advance(1ms);
  CHECK(failure(behind).reason == reason::deadline_exceeded);
  worker(0).finish();
  worker(0).send();
  run();
  CHECK(answered(running));
  while (worker(0).may_claim())
    worker(0).claim();
  run();
  CHECK(world.claims.count(n(2)) == 0);
  auto after = submit("3");
  worker(0).serve_all();
  run();
  CHECK(text(after) == n(3));
}

TEST_CASE_FIXTURE(lane_fixture, "a drain waits for calls sent to a worker that was gone [R7]") {
  cfg.workers = 2;
  start();
  bring_up(worker(0));
  bring_up(worker(1));
  worker(0).die(SIGKILL);
  worker(0).tell_lane_closed();
  worker(0).tell_exit();
  auto call = submit_all({"1"}, infinite, infinite, "work", false).front();
  auto drained = false;
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                 make_local(drain_order{1min, [&] { drained = true; }}));
  run();
  CHECK(!drained);
  worker(1).serve_all();
  run();
  CHECK(text(call) == n(1));
  CHECK(drained);
}

TEST_CASE_FIXTURE(lane_fixture, "a drain waits for calls that are taken back [R7]") {
  auto calls = fill(3);
  worker(0).claim();
  auto drained = false;
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                 make_local(drain_order{1min, [&] { drained = true; }}));
  run();
  advance(2ms);
  worker(0).finish(); // between two calls
  look();
  look();
  cancel(calls[1]);
  CHECK(text(calls[0]) == n(1));
  CHECK(!drained);
  worker(0).claim(); // meets the limit
  run();
  worker(0).serve_all();
  run();
  CHECK(text(calls[2]) == n(3));
  CHECK(drained);
}

TEST_SUITE_END();
