#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// One worker; three failures in a row open a circuit for ten seconds.
struct breaker_fixture : pool_fixture {
  breaker_fixture() {
    cfg.breaker = {.enabled = true, .failures = 3, .reset = 10s, .half_open = 1};
    cfg.restart.backoff = {0ms};
    cfg.queue.prefetch_time = 0ms; // one batch at a time
    cfg.poison.enabled = false;
    cfg.heartbeat.interval = infinite;
    listen();
  }

  scripted_worker& last() {
    return *world.workers.back();
  }

  /// What it has been given ends so.
  void end_with(reason why) {
    last().claim();
    last().finish_with({why, "so it is"});
    last().send();
    run();
  }
  void end_well() {
    last().serve_all();
    run();
  }

  size_t raise(const std::string& tool = "work") {
    auto call = submit("x", infinite, infinite, tool);
    end_with(reason::python_exception);
    return call;
  }
  size_t lose(const std::string& tool = "work", int signal = SIGSEGV) {
    auto call = submit("x", infinite, infinite, tool);
    last().claim();
    crash(last(), signal);
    bring_up(last());
    return call;
  }

  /// Of a call that is made now; ok if it is taken.
  std::string asked(const std::string& tool = "work") {
    auto call = submit("x", infinite, infinite, tool);
    return answered(call) ? std::string{to_string(failure(call).reason)} : "ok";
  }

  circuit_stats circuit(const std::string& tool) {
    for (auto& x : stats().circuits)
      if (x.tool == tool)
        return x;
    return {};
  }
};

} // namespace

TEST_SUITE_BEGIN("breaker of a pool");

TEST_CASE_FIXTURE(breaker_fixture, "a tool that fails in a row is refused, others are not [F2]") {
  start_ready();
  for (int i = 0; i < 3; ++i)
    CHECK(failure(raise()).reason == reason::python_exception);
  advance(4s);
  auto refused = submit("x");
  CHECK(failure(refused).reason == reason::circuit_open);
  CHECK(failure(refused).retryable);
  CHECK(failure(refused).message
        == "calls of `work` in pool `p` are refused, since it failed 3 times in a row; the next "
           "may begin in 6000ms");
  auto& details = failure(refused).details;
  CHECK(details.at("pool") == "p");
  CHECK(details.at("tool") == "work");
  CHECK(details.at("circuit") == "tool");
  CHECK(details.at("retry_after") == "6000ms");
  CHECK(stats().rejected.at("circuit_open") == 1);
  CHECK(asked("echo") == "ok");
  auto told = ledger.of(event_kind::circuit_opened);
  REQUIRE(told.size() == 1);
  CHECK(told[0].text("tool") == "work");
  CHECK(told[0].number("failures") == 3);
  CHECK(told[0].number("reset_us") == 10'000'000);
}

TEST_CASE_FIXTURE(breaker_fixture, "switched off nobody is refused and nothing is shown [F2]") {
  cfg.breaker.enabled = false;
  start_ready();
  for (int i = 0; i < 9; ++i)
    raise();
  CHECK(asked() == "ok");
  CHECK(stats().circuits.empty());
}

TEST_CASE_FIXTURE(breaker_fixture, "workers lost in a row close the pool to all tools [F2]") {
  start_ready();
  lose("work");
  lose("echo");
  CHECK(failure(lose("work")).reason == reason::worker_crashed);
  auto refused = submit("x", infinite, infinite, "echo");
  CHECK(failure(refused).reason == reason::circuit_open);
  CHECK(failure(refused).details.at("circuit") == "pool");
  CHECK(failure(refused).details.at("tool") == "echo");
  CHECK(ledger.of(event_kind::circuit_opened).at(0).text("tool").empty());
  CHECK(circuit("").state == "open");
  CHECK(circuit("").left == 10s);
  CHECK(stats().state == "ready"); // its workers are
}

TEST_CASE_FIXTURE(breaker_fixture, "a success in between closes the row [F2]") {
  start_ready();
  raise();
  raise();
  submit("x");
  end_well();
  raise();
  raise();
  CHECK(asked() == "ok");
  CHECK(circuit("").failures == 0);
}

TEST_CASE_FIXTURE(breaker_fixture, "what callers do wrong or give up counts neither way [F2]") {
  start_ready();
  raise();
  raise();
  auto cancelled = submit("x");
  last().claim();
  cancel(cancelled);
  last().finish();
  last().send();
  run();
  CHECK(failure(cancelled).reason == reason::cancelled);
  CHECK(failure(submit("x", infinite, infinite, "nothing")).reason == reason::unknown_tool);
  // One that does not run by its deadline, since another one runs.
  auto runs = submit("x", infinite, infinite, "echo");
  last().claim();
  for (int i = 0; i < 3; ++i)
    submit("waits", 100ms);
  auto waits = submit("waits", infinite, 100ms);
  advance(100ms);
  CHECK(failure(waits).reason == reason::queue_timeout);
  last().finish();
  last().send();
  run();
  CHECK(answered(runs));
  CHECK(asked() == "ok");
  end_with(reason::python_exception);
  CHECK(asked() == "circuit_open");
}

TEST_CASE_FIXTURE(breaker_fixture, "calls that run beyond their deadline count for the tool [F2]") {
  start_ready();
  for (int i = 0; i < 3; ++i) {
    auto call = submit("slow", 100ms);
    last().claim();
    advance(200ms);
    CHECK(failure(call).reason == reason::deadline_exceeded);
    last().finish();
    last().send();
    run();
  }
  CHECK(asked() == "circuit_open");
  CHECK(circuit("").state == "closed");
  CHECK(stats().timeouts == 3);
}

TEST_CASE_FIXTURE(breaker_fixture, "a trial after the reset closes the circuit [F2]") {
  start_ready();
  for (int i = 0; i < 3; ++i)
    raise();
  advance(10s);
  CHECK(circuit("work").state == "half_open");
  CHECK(ledger.count(event_kind::circuit_half_opened) == 0);
  auto trial = submit("trial");
  CHECK(!answered(trial));
  CHECK(ledger.count(event_kind::circuit_half_opened) == 1);
  auto refused = submit("x");
  CHECK(failure(refused).details.at("state") == "half_open");
  CHECK(failure(refused).details.at("retry_after") == "10000ms");
  end_well();
  CHECK(answered(trial));
  CHECK(asked() == "ok");
  CHECK(ledger.of(event_kind::circuit_closed).at(0).number("open_us") == 10'000'000);
  CHECK(circuit("work").state == "closed");
}

TEST_CASE_FIXTURE(breaker_fixture, "a trial that fails opens it again [F2]") {
  start_ready();
  for (int i = 0; i < 3; ++i)
    lose();
  advance(10s);
  CHECK(failure(lose()).reason == reason::worker_crashed);
  CHECK(asked() == "circuit_open");
  CHECK(asked("echo") == "circuit_open");
  CHECK(ledger.count(event_kind::circuit_opened) == 4); // pool and tool, twice
  advance(10s);
  CHECK(asked() == "ok");
}

TEST_CASE_FIXTURE(breaker_fixture, "a trial that is cancelled gives its place back [F2]") {
  start_ready();
  for (int i = 0; i < 3; ++i)
    raise();
  advance(10s);
  SUBCASE("while it runs") {
    auto trial = submit("x");
    last().claim();
    cancel(trial);
    CHECK(failure(trial).reason == reason::cancelled);
    last().finish();
    last().send();
    run();
  }
  SUBCASE("while it waits") {
    submit("runs", infinite, infinite, "echo");
    last().claim();
    auto trial = submit("x");
    CHECK(asked() == "circuit_open");
    cancel(trial);
    CHECK(failure(trial).reason == reason::cancelled);
  }
  SUBCASE("when its time to wait is over") {
    submit("runs", infinite, infinite, "echo");
    last().claim();
    auto trial = submit("x", infinite, 50ms);
    CHECK(asked() == "circuit_open");
    advance(50ms);
    CHECK(failure(trial).reason == reason::queue_timeout);
  }
  CHECK(asked() == "ok"); // the next trial
  CHECK(asked() == "circuit_open");
}

TEST_CASE_FIXTURE(breaker_fixture,
                  "a trial that a dead worker had not begun keeps its place [F2]") {
  start_ready();
  for (int i = 0; i < 3; ++i)
    raise();
  advance(10s);
  submit("runs", infinite, infinite, "echo");
  last().claim();
  auto trial = submit("x");
  crash(last(), SIGKILL); // the trial waits in the pool, or comes back to it
  CHECK(asked() == "circuit_open");
  bring_up(last());
  end_well();
  CHECK(answered(trial));
  CHECK(asked() == "ok");
}

TEST_CASE_FIXTURE(breaker_fixture, "calls that wait when the circuit opens are refused, too [F2]") {
  start_ready();
  raise();
  raise();
  auto third = submit("third");
  last().claim();
  auto waits = submit("waits");
  auto other = submit("other", infinite, infinite, "echo");
  CHECK(!answered(waits));
  last().finish_with({reason::python_exception, "no"});
  last().send();
  run();
  CHECK(failure(third).reason == reason::python_exception);
  CHECK(failure(waits).reason == reason::circuit_open);
  CHECK(!answered(other));
  CHECK(stats().errors.at("circuit_open") == 1);
  end_well();
  CHECK(ends[other]->last->has_value());
  CHECK(stats().queued == 0);
}

TEST_CASE_FIXTURE(breaker_fixture, "a call is not run again into an open circuit [F1, F2]") {
  cfg.retry.backoff = {1s};
  options.idempotent = true;
  start_ready();
  auto first = lose();
  auto second = lose();
  CHECK(!answered(first));
  auto third = lose();
  CHECK(failure(third).reason == reason::worker_crashed);
  CHECK(failure(third).certificate);
  advance(1500ms); // the others come back, and meet it
  CHECK(failure(first).reason == reason::circuit_open);
  CHECK(failure(second).reason == reason::circuit_open);
}

TEST_CASE_FIXTURE(breaker_fixture, "one death costs a circuit one failure, not one a lane [F2]") {
  lanes = 4;
  start_ready();
  auto calls = submit_all({"a", "b", "c", "d"});
  for (auto& lane : last().lanes)
    lane.claim();
  crash(last(), SIGSEGV);
  for (auto call : calls)
    CHECK(failure(call).reason == reason::worker_crashed);
  CHECK(circuit("").failures == 1);
  CHECK(circuit("").state == "closed");
}

TEST_CASE_FIXTURE(breaker_fixture, "a worker that is ended for a neighbour's call is no failure "
                                   "[F2]") {
  cfg.breaker.failures = 1;
  lanes = 2;
  cancel_grace = 100ms;
  drain = 100ms;
  start_ready();
  auto slow = submit("slow", 100ms, infinite, "echo");
  auto neighbour = submit("neighbour");
  for (auto& lane : last().lanes)
    lane.claim();
  auto& doomed = last();
  for (int i = 0; i < 20 && !doomed.kill_came; ++i)
    advance(50ms);
  REQUIRE(doomed.kill_came);
  crash(doomed, SIGKILL);
  CHECK(failure(slow).reason == reason::deadline_exceeded);
  CHECK(failure(neighbour).reason == reason::worker_killed);
  CHECK(circuit("").state == "closed");
  CHECK(circuit("echo").state == "open"); // its deadline
  CHECK(circuit("work").state != "open");
}

TEST_SUITE_END();
