#include "tests/support/pool_fixture.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// Two workers, heartbeats every second, two seconds without an answer are a miss, three the end.
struct health_fixture : pool_fixture {
  health_fixture() {
    cfg.workers = 2;
    cfg.heartbeat = {.interval = 1s, .timeout = 2s, .jitter = 0};
    cfg.min_ready = 2;
    listen();
  }

  /// In small steps: a host that looks late does not judge.
  void pass(duration span) {
    for (; span > 0s; span -= 100ms)
      advance(100ms);
  }

  void fall_silent(scripted_worker& x) {
    x.answers = false;
    pass(3s); // one went out at most a second ago
  }

  void end(scripted_worker& x) {
    x.finish();
    x.send();
    run();
  }

  /// Gives each worker a call and claims it.
  std::vector<size_t> occupy() {
    auto calls = std::vector<size_t>{submit("a"), submit("b")};
    worker(0).claim();
    worker(1).claim();
    return calls;
  }

  void bury(scripted_worker& x) {
    crash(x, SIGKILL);
  }
};

} // namespace

TEST_SUITE_BEGIN("health");

TEST_CASE_FIXTURE(health_fixture, "ready workers are asked whether they are there [W6]") {
  start_ready();
  pass(5s);
  CHECK(worker(0).heartbeats_came == 3);
  CHECK(ledger.count(event_kind::heartbeat_sent) == 6);
  CHECK(ledger.count(event_kind::heartbeat_answered) == 6);
  CHECK(ledger.count(event_kind::heartbeat_missed) == 0);
  CHECK(stats().workers_ready == 2);
}

TEST_CASE_FIXTURE(health_fixture,
                  "a silent worker gets no calls and does not count as ready [W6]") {
  start_ready();
  fall_silent(worker(0));
  CHECK(ledger.count(event_kind::heartbeat_missed) == 1);
  CHECK(stats().workers_ready == 1);
  CHECK(stats().workers_unwell == 1);
  CHECK(stats().state != "ready");
  CHECK(ledger.count(event_kind::pool_degraded) == 1);
  submit_all({"a", "b", "c"});
  CHECK(worker(0).inbox().empty());
  CHECK(!worker(0).kill_came);

  worker(0).answers = true;
  worker(0).answer_heartbeat();
  run();
  CHECK(ledger.count(event_kind::heartbeat_recovered) == 1);
  CHECK(stats().workers_ready == 2);
  CHECK(stats().state == "ready");
  CHECK(worker(0).inbox().size() == 1); // of the calls that waited
}

TEST_CASE_FIXTURE(health_fixture, "what a silent worker has not begun goes elsewhere [W6, Q7]") {
  start_ready();
  worker(0).answers = worker(1).answers = false;
  auto call = submit("a");
  auto& given = worker(0).inbox().empty() ? worker(1) : worker(0);
  auto& other = worker(0).inbox().empty() ? worker(0) : worker(1);
  other.answers = true;
  pass(3s);
  CHECK(given.page().limit() == given.page().claimed());
  other.serve_all();
  run();
  CHECK(text(call) == R"({"n":"a"})");

  // It comes back, and gives up what was taken from it.
  given.answers = true;
  given.answer_heartbeat();
  run();
  given.serve_all();
  if (given.lanes[0].has_unsent())
    given.send();
  run();
  CHECK(stats().in_flight == 0);
  auto again = submit_all({"b", "c"});
  for (auto i : {0, 1}) {
    worker(static_cast<size_t>(i)).serve_all();
    run();
  }
  CHECK(answered(again[0]));
  CHECK(answered(again[1]));
}

TEST_CASE_FIXTURE(health_fixture, "a worker that is silent for long is ended and replaced [W6]") {
  start_ready();
  fall_silent(worker(0));
  pass(4s);
  CHECK(ledger.count(event_kind::heartbeat_failed) == 1);
  CHECK(ledger.of(event_kind::heartbeat_failed)[0].text("because") == "silent");
  REQUIRE(worker(0).kill_came);
  bury(worker(0));
  auto ends = ledger.of(event_kind::worker_exited);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].text("cause") == "ended by us: heartbeat");
  REQUIRE(world.workers.size() == 3);
  bring_up(worker(2));
  CHECK(stats().workers_ready == 2);
}

TEST_CASE_FIXTURE(health_fixture, "busy is not dead: a call that holds the lock is let be [W6]") {
  start_ready();
  auto calls = occupy();
  worker(0).answers = worker(1).answers = false;
  pass(60s);
  CHECK(ledger.count(event_kind::heartbeat_gil_held) == 2);
  CHECK(ledger.of(event_kind::heartbeat_gil_held)[0].text("tool") == "work");
  CHECK(!worker(0).kill_came);
  CHECK(stats().workers_ready == 2); // busy is ready
  auto next = submit("next");
  CHECK(worker(0).inbox().empty());
  CHECK(worker(1).inbox().empty());

  end(worker(0)); // the lock is free, and the control thread runs
  worker(0).answers = true;
  worker(0).answer_heartbeat();
  run();
  worker(0).serve_all();
  run();
  CHECK(answered(calls[0]));
  CHECK(answered(next));
}

TEST_CASE_FIXTURE(health_fixture, "a call that holds the lock ends with its deadline [W6, Q5]") {
  start_ready();
  auto call = submit("a", 5s);
  auto& busy = worker(0).inbox().empty() ? worker(1) : worker(0);
  busy.claim();
  busy.answers = false;
  pass(6s);
  CHECK(failure(call).reason == reason::deadline_exceeded);
  pass(2s);
  CHECK(busy.kill_came);
  bury(busy);
  CHECK(ledger.of(event_kind::worker_exited)[0].text("cause") == "ended by us: deadline");
}

TEST_CASE_FIXTURE(health_fixture, "gil_limit ends a call that holds the lock too long [W6]") {
  cfg.heartbeat.gil_limit = 10s;
  start_ready();
  auto calls = occupy();
  worker(0).answers = false;
  pass(10s);
  CHECK(!worker(0).kill_came);
  pass(2s);
  REQUIRE(worker(0).kill_came);
  CHECK(ledger.of(event_kind::heartbeat_failed)[0].text("because") == "gil_held");
  bury(worker(0));
  auto lost = answered(calls[0]) ? calls[0] : calls[1];
  CHECK(failure(lost).reason == reason::worker_hung);
  CHECK(failure(lost).details.at("because") == "heartbeat");
}

TEST_CASE_FIXTURE(health_fixture, "a worker that is stopped in the middle of a call is hung [W6]") {
  start_ready();
  auto calls = occupy();
  worker(0).stopped = true;
  pass(3s);
  CHECK(ledger.count(event_kind::heartbeat_gil_held) == 0);
  CHECK(ledger.of(event_kind::heartbeat_missed).at(0).text("because") == "stopped");
  CHECK(stats().workers_ready == 1);
  pass(4s);
  REQUIRE(worker(0).kill_came);
  bury(worker(0));
  auto lost = answered(calls[0]) ? calls[0] : calls[1];
  CHECK(failure(lost).reason == reason::worker_hung);
}

TEST_CASE_FIXTURE(health_fixture, "a worker that nobody depends on is not ended [W6]") {
  cfg.heartbeat.dependent = false;
  start_ready();
  fall_silent(worker(0));
  pass(60s);
  CHECK(ledger.count(event_kind::heartbeat_failed) == 1);
  CHECK(!worker(0).kill_came);
  CHECK(stats().workers_ready == 1);
  worker(0).answers = true;
  worker(0).answer_heartbeat();
  run();
  CHECK(stats().workers_ready == 2);
}

TEST_CASE_FIXTURE(health_fixture, "a host that was asleep does not blame its workers [W6]") {
  start_ready();
  worker(0).answers = worker(1).answers = false;
  pass(1500ms);
  for (int i = 0; i < 20; ++i)
    advance(60s);
  CHECK(ledger.count(event_kind::heartbeat_missed) == 0);
  CHECK(stats().workers_ready == 2);
}

TEST_CASE_FIXTURE(health_fixture,
                  "lanes that were idle are proved, callers see nothing of it [W7]") {
  cfg.health_interval = 5s;
  start_ready();
  pass(5s);
  REQUIRE(worker(0).inbox().size() == 1);
  CHECK(worker(0).inbox()[0].tool == core::tool_number::probe);
  CHECK(stats().in_flight == 0);
  auto call = submit("a"); // it goes behind the probe, which takes no time
  worker(0).serve_all();
  worker(1).serve_all();
  run();
  CHECK(answered(call));
  auto end = stats();
  CHECK(end.in_flight == 0);
  CHECK(end.calls_succeeded == 1);
  CHECK(end.late_replies == 0);
  CHECK(end.busy == 0);
  pass(6s);
  CHECK(worker(0).inbox().size() == 1);
}

TEST_CASE_FIXTURE(health_fixture,
                  "a worker that cannot run a probe is not ready, and replaced [W7]") {
  cfg.health_interval = 5s;
  start_ready();
  pass(5s);
  worker(1).serve_all();
  run();
  auto calls = submit_all({"a", "b"}); // one of them behind the probe
  pass(300ms);
  CHECK(worker(0).page().limit() == worker(0).page().claimed());
  worker(1).serve_all();
  run();
  worker(1).serve_all();
  run();
  CHECK(answered(calls[0]));
  CHECK(answered(calls[1]));
  pass(3s);
  REQUIRE(ledger.count(event_kind::worker_health_failed) == 1);
  REQUIRE(worker(0).kill_came);
  CHECK(stats().workers_ready == 1);
  bury(worker(0));
  CHECK(ledger.of(event_kind::worker_exited)[0].text("cause") == "ended by us: health");
  bring_up(worker(2));
  CHECK(stats().workers_ready == 2);
  CHECK(stats().in_flight == 0);
}

TEST_CASE_FIXTURE(health_fixture, "a worker that is being ended is not judged any more [W6, W9]") {
  cfg.workers = 1;
  cancel_grace = 100ms;
  world.slow_stacks = true;
  cfg.heartbeat = {.interval = 50ms, .timeout = 100ms, .misses = 1, .jitter = 0};
  start_ready();
  submit("stuck", 200ms);
  worker(0).claim();
  pass(300ms);
  worker(0).tell_stacks();
  run();
  pass(200ms); // the grace is over: it is to end, and its stacks are waited for
  REQUIRE(!worker(0).kill_came);
  REQUIRE(worker(0).stacks_wanted());
  auto before = worker(0).heartbeats_came;
  pass(200ms);
  CHECK(worker(0).heartbeats_came == before);
  CHECK(ledger.count(event_kind::heartbeat_failed) == 0);
  pass(1s);
  REQUIRE(worker(0).kill_came);
  bury(worker(0));
  CHECK(ledger.of(event_kind::worker_exited)[0].text("cause") == "ended by us: deadline");
}

TEST_CASE_FIXTURE(health_fixture, "a probe that runs late proves its lane all the same [W7]") {
  cfg.health_interval = 5s;
  cfg.heartbeat.dependent = false;
  start_ready();
  pass(5s);
  worker(0).claim(); // it began, and ends late
  worker(1).serve_all();
  run();
  pass(4s);
  CHECK(ledger.count(event_kind::worker_health_failed) == 1);
  CHECK(stats().workers_ready == 1);
  auto call = submit("a");
  CHECK(worker(0).inbox().empty());
  end(worker(0));
  CHECK(stats().workers_ready == 2);
  CHECK(stats().in_flight == 1);
  worker(1).serve_all();
  run();
  CHECK(answered(call));
}

TEST_CASE_FIXTURE(health_fixture, "a worker whose probe is out can crash as any other [W7, Q7]") {
  cfg.health_interval = 5s;
  start_ready();
  pass(5s);
  worker(0).claim();
  auto calls = submit_all({"a", "b"});
  crash(worker(0), SIGSEGV);
  worker(1).serve_all();
  run();
  worker(1).serve_all();
  run();
  CHECK(answered(calls[0]));
  CHECK(answered(calls[1]));
  CHECK(stats().calls_failed == 0);
  CHECK(stats().in_flight == 0);
}

TEST_SUITE_END();
