#include "runtime_fixture.hpp"
#include "tests/support/event_ledger.hpp"
#include "tests/support/eventually.hpp"

#include <csignal>
#include <functional>

using namespace snakepit;
using namespace std::chrono_literals;

/// Heartbeats and probes of real Python workers that are stopped, or kept from answering.

namespace {

/// How long a test waits for what must happen.
constexpr auto patience = 20s;

struct health_fixture : runtime_fixture {
  test::event_ledger ledger;
  pool_config cfg = pool("default", 2, SNAKEPIT_SOURCE_ROOT "/tests/public/health.py");

  health_fixture() {
    cfg.heartbeat = {.interval = 50ms, .timeout = 300ms, .misses = 2};
    cfg.restart.backoff = {0ms};
  }

  runtime start_all(size_t workers = 2) {
    cfg.workers = workers;
    auto x = configuration({cfg});
    x.events.sink = [this](const event& e) { ledger.take(e); };
    x.timeouts.cancel_grace = 100ms;
    auto made = runtime::start(std::move(x));
    REQUIRE_MESSAGE(made, to_string(made.error()));
    REQUIRE(made->await_started());
    REQUIRE(awaited([&] { return ledger.count(event_kind::worker_ready) == workers; }));
    return std::move(*made);
  }

  static bool awaited(const std::function<bool()>& what) {
    return test::eventually(patience, what);
  }
  bool told(event_kind x, size_t times = 1) {
    return awaited([&] { return ledger.count(x) >= times; });
  }

  /// The pid of the n-th worker that became ready.
  pid_t pid_of(size_t n) {
    return std::stoi(std::string{ledger.of(event_kind::worker_ready).at(n).text("pid")});
  }
  /// Events of one process.
  size_t told_of(event_kind x, pid_t pid) {
    auto all = ledger.of(x);
    return static_cast<size_t>(
      std::ranges::count_if(all, [&](auto& e) { return e.text("pid") == std::to_string(pid); }));
  }

  static pid_t ask(runtime& x, const std::string& tool, value given = value{value::map{}}) {
    auto end = x.execute(tool, std::move(given));
    REQUIRE_MESSAGE(end, to_string(end.error()));
    REQUIRE(end->get_if<int64_t>());
    return static_cast<pid_t>(*end->get_if<int64_t>());
  }

  static std::string state(runtime& x) {
    return x.stats().at(0).state;
  }
};

} // namespace

TEST_SUITE_BEGIN("health of real workers");

TEST_CASE_FIXTURE(health_fixture, "a worker that is stopped is ended as hung, and replaced [W6]") {
  auto uut = start_all();
  auto stopped = pid_of(0);
  REQUIRE(kill(stopped, SIGSTOP) == 0);
  REQUIRE(awaited([&] { return told_of(event_kind::heartbeat_missed, stopped) > 0; }));
  CHECK(ask(uut, "pid") != stopped); // it gets none any more
  REQUIRE(awaited([&] { return told_of(event_kind::worker_exited, stopped) == 1; }));
  for (auto& e : ledger.of(event_kind::worker_exited))
    if (e.text("pid") == std::to_string(stopped))
      CHECK(e.text("cause") == "ended by us: heartbeat");
  CHECK(told(event_kind::worker_restarted));
  CHECK(awaited([&] { return uut.stats().at(0).workers_ready == 2; }));
  ask(uut, "pid");
}

TEST_CASE_FIXTURE(health_fixture,
                  "a worker that is stopped while it runs a call is hung [W6, W9]") {
  auto uut = start_all(1);
  auto end = uut.execute("stop", value{value::map{}});
  REQUIRE(!end);
  CHECK(end.error().reason == reason::worker_hung);
  REQUIRE(end.error().certificate);
  CHECK(end.error().certificate->cause == "ended by us: heartbeat");
  CHECK(end.error().certificate->running_tool == "stop");
  ask(uut, "pid");
}

TEST_CASE_FIXTURE(health_fixture, "a call that holds the lock is named and let be [W6]") {
  auto uut = start_all();
  auto holding = uut.execute_async("hold_lock", value{{"seconds", 5.0}});
  REQUIRE(told(event_kind::heartbeat_gil_held));
  auto told_pid = std::string{ledger.of(event_kind::heartbeat_gil_held)[0].text("pid")};
  CHECK(ledger.of(event_kind::heartbeat_gil_held)[0].text("tool") == "hold_lock");
  for (int i = 0; i < 5; ++i)
    CHECK(std::to_string(ask(uut, "pid")) != told_pid);
  auto end = holding.future.get();
  REQUIRE_MESSAGE(end, to_string(end.error()));
  CHECK(*end == value{std::stoi(told_pid)}); // it went on to the end
  REQUIRE(told(event_kind::heartbeat_recovered));
  // And has calls again.
  CHECK(awaited([&] { return std::to_string(ask(uut, "pid")) == told_pid; }));
}

TEST_CASE_FIXTURE(health_fixture, "a call that holds the lock ends with its deadline [W6, Q5]") {
  auto uut = start_all(1);
  auto options = call_options{};
  options.timeout = 3s;
  auto end = uut.execute("hold_lock_for_ever", value{value::map{}}, options);
  REQUIRE(!end);
  CHECK(end.error().reason == reason::deadline_exceeded);
  REQUIRE(told(event_kind::worker_exited));
  CHECK(ledger.of(event_kind::worker_exited)[0].text("cause") == "ended by us: deadline");
  ask(uut, "pid");
}

TEST_CASE_FIXTURE(health_fixture, "gil_limit ends a call that holds the lock [W6]") {
  cfg.heartbeat.gil_limit = 600ms;
  auto uut = start_all(1);
  auto end = uut.execute("hold_lock", value{{"seconds", 60.0}});
  REQUIRE(!end);
  CHECK(end.error().reason == reason::worker_hung);
  REQUIRE(told(event_kind::heartbeat_failed));
  CHECK(ledger.of(event_kind::heartbeat_failed).at(0).text("because") == "gil_held");
}

TEST_CASE_FIXTURE(health_fixture, "a worker that only computes is never ended [W6]") {
  cfg.heartbeat.timeout = 100ms;
  cfg.heartbeat.misses = 20;
  auto uut = start_all(1);
  auto pid = ask(uut, "pid");
  CHECK(ask(uut, "spin", value{{"seconds", 3.5}}) == pid);
  CHECK(ask(uut, "pid") == pid);
}

TEST_CASE_FIXTURE(health_fixture, "a worker that nobody depends on is not ended [W6]") {
  cfg.heartbeat.dependent = false;
  auto uut = start_all(1);
  auto pid = pid_of(0);
  REQUIRE(kill(pid, SIGSTOP) == 0);
  REQUIRE(told(event_kind::heartbeat_failed));
  CHECK(awaited([&] { return state(uut) != "ready"; }));
  CHECK(uut.stats().at(0).workers_unwell == 1);
  REQUIRE(kill(pid, SIGCONT) == 0);
  REQUIRE(told(event_kind::heartbeat_recovered));
  CHECK(awaited([&] { return state(uut) == "ready"; }));
  CHECK(ask(uut, "pid") == pid);
}

TEST_CASE_FIXTURE(health_fixture, "a thread that holds the lock without a call is the end [W6]") {
  auto uut = start_all(1);
  ask(uut, "hold_lock_later", value{{"seconds", 60.0}});
  REQUIRE(told(event_kind::worker_exited));
  CHECK(ledger.of(event_kind::worker_exited)[0].text("cause") == "ended by us: heartbeat");
  ask(uut, "pid");
}

TEST_CASE_FIXTURE(health_fixture, "a worker whose lane is lost is found out by a probe [W7]") {
  cfg.health_interval = 200ms;
  cfg.heartbeat.misses = 20; // the probe is to be the first to find it
  auto uut = start_all(1);
  auto pid = ask(uut, "ruin_main_thread");
  REQUIRE(told(event_kind::worker_health_failed));
  REQUIRE(told(event_kind::worker_exited));
  CHECK(ledger.of(event_kind::worker_exited)[0].text("cause") == "ended by us: health");
  CHECK(ask(uut, "pid") != pid);
}

TEST_CASE_FIXTURE(health_fixture, "workers that are well pass their probes unseen [W7]") {
  cfg.health_interval = 20ms;
  cfg.heartbeat.misses = 20;
  auto uut = start_all(1);
  auto pid = ask(uut, "pid");
  REQUIRE(told(event_kind::heartbeat_answered, 10));
  CHECK(ask(uut, "pid") == pid);
  CHECK(uut.stats().at(0).calls_succeeded == 2);
  CHECK(ledger.count(event_kind::worker_health_failed) == 0);
}

TEST_SUITE_END();
