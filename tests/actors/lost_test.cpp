#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// One worker, whose calls may run again 100 ms after they were lost.
struct lost_fixture : pool_fixture {
  lost_fixture() {
    cfg.retry.jitter = 0;
    cfg.restart.backoff = {0ms};
    cfg.heartbeat.interval = infinite;
    options.idempotent = true;
    listen();
  }

  /// The call runs and its worker dies.
  size_t lose(const std::string& data, duration timeout = infinite, int signal = SIGSEGV) {
    auto call = submit(data, timeout);
    lose_running(signal);
    return call;
  }

  void lose_running(int signal = SIGSEGV) {
    auto& last = *world.workers.back();
    last.lanes[0].claim();
    crash(last, signal);
    bring_up(*world.workers.back());
  }

  void serve() {
    world.workers.back()->serve_all();
    run();
  }
};

} // namespace

TEST_SUITE_BEGIN("lost");

TEST_CASE_FIXTURE(lost_fixture, "an idempotent call runs again after its worker died [F1]") {
  start_ready();
  auto call = lose("a");
  CHECK(!answered(call));
  CHECK(stats().queued == 1);
  CHECK(stats().calls_retried == 1);
  auto told = ledger.of(event_kind::call_retried);
  REQUIRE(told.size() == 1);
  CHECK(told[0].number("pause_us") == 100'000);
  CHECK(told[0].text("reason") == "worker_crashed");
  CHECK(told[0].text("attempt") == "2");
  advance(99ms);
  CHECK(world.workers.back()->inbox().empty());
  advance(1ms);
  REQUIRE(world.workers.back()->inbox().size() == 1);
  serve();
  CHECK(ends[call]->answers == 1);
  CHECK(ends[call]->last->has_value());
  CHECK(stats().calls_failed == 0);
  CHECK(stats().calls_succeeded == 1);
}

TEST_CASE_FIXTURE(lost_fixture, "a call that is not declared idempotent never runs twice [F1]") {
  start_ready();
  options.idempotent = std::nullopt;
  auto one = lose("a");
  options.idempotent = false;
  auto two = lose("b");
  CHECK(failure(one).reason == reason::worker_crashed);
  CHECK(failure(one).certificate);
  CHECK(failure(two).reason == reason::worker_crashed);
  CHECK(stats().calls_retried == 0);
  CHECK(stats().calls_failed == 2);
}

TEST_CASE_FIXTURE(lost_fixture, "after its last run the call is answered, once, and says so [F1]") {
  cfg.poison.enabled = false;
  start_ready();
  auto call = lose("a");
  for (int i = 0; i < 2; ++i) {
    REQUIRE(!answered(call));
    advance(200ms);
    lose_running();
  }
  REQUIRE(ends[call]->answers == 1);
  CHECK(failure(call).reason == reason::worker_crashed);
  CHECK(failure(call).details.at("attempts") == "3");
  CHECK(stats().queued == 0);
  CHECK(stats().calls_failed == 1);
}

TEST_CASE_FIXTURE(lost_fixture, "a call whose deadline leaves no time is not run again [F1, Q2]") {
  start_ready();
  auto call = lose("a", 50ms);
  CHECK(failure(call).reason == reason::worker_crashed);
}

TEST_CASE_FIXTURE(lost_fixture, "a call that waits for its next run can be cancelled [F1, Q3]") {
  start_ready();
  auto call = lose("a");
  cancel(call);
  REQUIRE(answered(call));
  CHECK(failure(call).reason == reason::cancelled);
  advance(1s);
  CHECK(world.workers.back()->inbox().empty());
  CHECK(stats().queued == 0);
}

TEST_CASE_FIXTURE(lost_fixture, "a stop answers what waits for its next run [F1, R7]") {
  start_ready();
  auto call = lose("a");
  auto done = 0;
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                 make_local(drain_order{1s, [&] { ++done; }}));
  run();
  CHECK(failure(call).reason == reason::worker_crashed);
  CHECK(done == 1);
}

TEST_CASE_FIXTURE(lost_fixture, "a call that has killed three workers is refused [F4]") {
  start_ready();
  options.idempotent = false;
  for (int i = 0; i < 3; ++i)
    CHECK(failure(lose("evil")).reason == reason::worker_crashed);
  auto refused = submit("evil");
  REQUIRE(answered(refused));
  CHECK(failure(refused).reason == reason::poisoned);
  CHECK(failure(refused).details.at("deaths") == "3");
  CHECK(failure(refused).details.at("cause") == "SIGSEGV");
  CHECK(!failure(refused).retryable);
  CHECK(stats().rejected.at("poisoned") == 1);
  auto other = submit("good");
  serve();
  CHECK(ends[other]->last->has_value());
  advance(10min);
  submit("evil");
  CHECK(world.workers.back()->inbox().size() == 1);
}

TEST_CASE_FIXTURE(lost_fixture, "a poisoned call is not run again even if it may be [F1, F4]") {
  cfg.retry.attempts = 9;
  start_ready();
  auto call = lose("evil");
  for (int i = 0; i < 2; ++i) {
    advance(400ms);
    lose_running();
  }
  CHECK(failure(call).reason == reason::worker_crashed);
  CHECK(failure(submit("evil")).reason == reason::poisoned);
}

TEST_CASE_FIXTURE(lost_fixture, "the poisoned are listed, and forgotten on demand [F4]") {
  start_ready();
  options.idempotent = false;
  for (int i = 0; i < 3; ++i)
    lose("evil");
  auto ask = [&](bool clear) {
    auto out = std::vector<poisoned_call>{};
    caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                   make_local(poison_query{clear, [&](auto x) { out = std::move(x); }}));
    run();
    return out;
  };
  auto list = ask(true);
  REQUIRE(list.size() == 1);
  CHECK(list[0].pool == "p");
  CHECK(list[0].tool == "work");
  CHECK(list[0].deaths == 3);
  CHECK(ask(false).empty());
  submit("evil");
  CHECK(world.workers.back()->inbox().size() == 1);
}
