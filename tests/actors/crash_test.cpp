#include "tests/support/pool_fixture.hpp"

#include "actors/pool.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

/// Two workers that come back at once.
struct crash_fixture : pool_fixture {
  crash_fixture() {
    cfg.workers = 2;
    cfg.restart.backoff = {0ms};
    cfg.queue.prefetch_time = 0ms; // one batch at a time
    cfg.poison.enabled = false;
    cfg.heartbeat.interval = infinite;
    listen();
  }

  scripted_worker& of_slot(uint32_t slot) {
    return *world.find("p/" + std::to_string(slot) + ".");
  }

  /// The slot's worker dies of it, idle, and a new one comes.
  void break_slot(uint32_t slot, int signal = SIGSEGV) {
    crash(of_slot(slot), signal);
    bring_up(of_slot(slot));
  }

  /// Where a call goes that is made now; it ends well.
  int goes_to() {
    submit("x");
    auto to = of_slot(0).inbox().empty() ? 1 : 0;
    of_slot(static_cast<uint32_t>(to)).serve_all();
    run();
    return to;
  }

  std::string taint_of(size_t slot) {
    return stats().workers.at(slot).tainted;
  }
};

} // namespace

TEST_SUITE_BEGIN("crashes");

TEST_CASE_FIXTURE(crash_fixture, "a slot whose worker crashed gets calls if the others are full "
                                 "[F3]") {
  start_ready();
  break_slot(0);
  CHECK(taint_of(0) == "segfault");
  CHECK(taint_of(1).empty());
  auto told = ledger.of(event_kind::worker_tainted);
  REQUIRE(told.size() == 1);
  CHECK(told[0].text("slot") == "0");
  CHECK(told[0].text("because") == "segfault");
  CHECK(told[0].number("taint_us") == 60'000'000);
  for (int i = 0; i < 5; ++i)
    CHECK(goes_to() == 1);
  submit("a");
  CHECK(of_slot(0).inbox().empty());
  submit("b"); // the other is full
  CHECK(of_slot(0).inbox().size() == 1);
}

TEST_CASE_FIXTURE(crash_fixture, "twenty calls that succeed clear a taint [F3]") {
  start_ready();
  break_slot(0);
  submit("blocks"); // slot 1
  for (int i = 0; i < 20; ++i) {
    CHECK(taint_of(0) == "segfault");
    CHECK(goes_to() == 0);
  }
  CHECK(taint_of(0).empty());
}

TEST_CASE_FIXTURE(crash_fixture, "calls that fail do not clear a taint, time does [F3]") {
  start_ready();
  break_slot(0, SIGABRT);
  submit("blocks");
  for (int i = 0; i < 30; ++i) {
    submit("x");
    of_slot(0).claim();
    of_slot(0).finish_with({reason::python_exception, "no"});
    of_slot(0).send();
    run();
  }
  CHECK(taint_of(0) == "abort");
  advance(59s);
  CHECK(taint_of(0) == "abort");
  advance(1s);
  CHECK(taint_of(0).empty());
}

TEST_CASE_FIXTURE(crash_fixture, "a slot that crashes again is tainted anew [F3]") {
  start_ready();
  break_slot(0);
  advance(40s);
  break_slot(0, SIGKILL);
  CHECK(taint_of(0) == "signal");
  advance(59s);
  CHECK(taint_of(0) == "signal");
  advance(1s);
  CHECK(taint_of(0).empty());
}

TEST_CASE_FIXTURE(crash_fixture, "with all slots tainted the pool serves as before [F3]") {
  start_ready();
  break_slot(0);
  break_slot(1);
  CHECK(goes_to() != goes_to()); // they go round
}

TEST_CASE_FIXTURE(crash_fixture, "a worker that is replaced or ended by us taints nothing [F3]") {
  start_ready();
  SUBCASE("replaced") {
    auto order = recycle_order{0, [](result<void>) {}};
    caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()), make_local(std::move(order)));
    run();
    auto& old = worker(0);
    bring_up(of_slot(0));
    REQUIRE(old.shutdown_came);
    old.exit(0);
    while (!old.lane_closed_told())
      old.tell_lane_closed();
    old.tell_exit();
    run();
  }
  SUBCASE("ended for a deadline") {
    auto call = submit("slow", 100ms);
    auto& busy = of_slot(0).inbox().empty() ? of_slot(1) : of_slot(0);
    busy.claim();
    for (int i = 0; i < 60 && !busy.kill_came; ++i)
      advance(100ms);
    crash(busy, SIGKILL);
    CHECK(failure(call).reason == reason::deadline_exceeded);
  }
  CHECK(ledger.count(event_kind::worker_exited) == 1);
  CHECK(ledger.count(event_kind::worker_tainted) == 0);
}

TEST_CASE_FIXTURE(crash_fixture, "with the barrier off nothing is tainted [F3]") {
  cfg.crash_barrier.enabled = false;
  start_ready();
  break_slot(0);
  CHECK(taint_of(0).empty());
  CHECK(ledger.count(event_kind::worker_tainted) == 0);
}

TEST_CASE_FIXTURE(crash_fixture, "a pool whose workers crash often is degraded for a while, and "
                                 "serves [F5, P3]") {
  cfg.health = {.window = 30s, .crashes = 3};
  start_ready();
  break_slot(0);
  advance(10s);
  break_slot(1);
  CHECK(stats().state == "ready");
  advance(10s);
  ledger.clear();
  break_slot(0);
  CHECK(stats().state == "degraded");
  CHECK(stats().degraded_by == "crashes");
  CHECK(stats().workers_ready == 2);
  auto degraded = ledger.of(event_kind::pool_degraded);
  REQUIRE(degraded.size() == 1);
  CHECK(degraded[0].text("because") == "crashes");
  auto waited = std::optional<result<start_report>>{};
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                 make_local(ready_waiter{false, [&](auto x) { waited = std::move(x); }}));
  run();
  REQUIRE(waited);
  CHECK(waited->has_value());
  auto call = submit("x");
  of_slot(0).serve_all();
  of_slot(1).serve_all();
  run();
  CHECK(ends[call]->last->has_value());
  advance(9s);
  CHECK(stats().state == "degraded");
  advance(1s); // the first is 30 seconds ago
  CHECK(stats().state == "ready");
  CHECK(stats().degraded_by.empty());
  CHECK(ledger.of(event_kind::pool_recovered).at(0).number("degraded_us") == 10'000'000);
}

TEST_CASE_FIXTURE(crash_fixture, "a pool below min_ready says that it is for that [F5]") {
  cfg.min_ready = 2;
  cfg.restart.backoff = {1h};
  start_ready();
  crash(of_slot(0), SIGSEGV);
  CHECK(stats().state == "degraded");
  CHECK(stats().degraded_by == "workers");
  CHECK(ledger.of(event_kind::pool_degraded).at(0).text("because") == "workers");
}

TEST_CASE_FIXTURE(crash_fixture, "times of the last minute, timeouts and kinds of errors are shown "
                                 "[P6]") {
  cfg.workers = 1;
  start_ready();
  auto runs = submit("runs");
  of_slot(0).claim();
  auto waits = submit("waits", infinite, 2s);
  auto later = submit("later");
  advance(2s);
  CHECK(failure(waits).reason == reason::queue_timeout);
  advance(1s);
  of_slot(0).finish();
  of_slot(0).send();
  run();
  of_slot(0).serve_all();
  run();
  CHECK(answered(later));
  CHECK(answered(runs));
  auto s = stats();
  CHECK(s.timeouts == 1);
  CHECK(s.errors_by_category == std::map<std::string, uint64_t>{{"timeout", 1}});
  // Waited: 0 and 3 s. In all: 2 s for nothing, 3 s, 3 s.
  CHECK(s.queue_wait.calls == 2);
  CHECK(s.queue_wait.p50 <= 1us);
  CHECK(s.queue_wait.p99 > 3s);
  CHECK(s.queue_wait.p99 <= 3375ms);
  CHECK(s.total.calls == 3);
  CHECK(s.total.p50 > 3s);
  CHECK(s.total.p99 <= 3375ms);
  advance(60s);
  CHECK(stats().total.calls == 0);
}

TEST_SUITE_END();
