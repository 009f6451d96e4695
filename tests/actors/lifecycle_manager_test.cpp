#include "tests/support/pool_fixture.hpp"

#include "actors/pool.hpp"

#include <csignal>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

constexpr auto mebibyte = uint64_t{1} << 20;

/// Workers with limits that do not differ between them.
struct lifecycle_fixture : pool_fixture {
  lifecycle_fixture() {
    cfg.heartbeat.interval = infinite;
    cfg.recycle.jitter = 0;
    cfg.restart.backoff = {1s};
    listen();
  }

  /// Has a worker make its calls, as far as it has any.
  void serve(scripted_worker& x) {
    for (int i = 0; i < 4; ++i) {
      x.serve_all();
      run();
    }
  }

  /// Makes a call on the only worker that there is.
  void call(scripted_worker& x) {
    auto call = submit("call");
    serve(x);
    CHECK(text(call) == R"({"n":"call"})");
  }

  std::string why_recycled() const {
    auto all = ledger.of(event_kind::worker_recycled);
    return all.empty() ? "" : std::string{all.back().text("reason")};
  }

  bool has_timers() {
    return sched.has_pending_timeout();
  }
};

} // namespace

TEST_SUITE_BEGIN("lifecycle_manager");

TEST_CASE_FIXTURE(lifecycle_fixture, "without limits nothing is asked or measured [L1]") {
  start_ready();
  call(worker(0));
  while (has_timers()) // of the start and the call
    advance(1h);
  advance(24h);
  CHECK(!has_timers());
  CHECK(meter->asked == 0);
  CHECK(world.workers.size() == 1);
}

TEST_CASE_FIXTURE(lifecycle_fixture, "a worker that is too old has a successor [L1, L2]") {
  cfg.recycle.ttl = 1h;
  start_ready();
  call(worker(0));
  advance(1h - 1ms);
  CHECK(world.workers.size() == 1);
  CHECK(stats().workers.at(0).age == 1h - 1ms);
  CHECK(stats().workers.at(0).calls == 1);
  advance(1ms);
  REQUIRE(world.workers.size() == 2);
  CHECK(stats().workers_ready == 1);
  bring_up(worker(1));
  CHECK(stats().workers_ready == 1);
  leave(worker(0));
  CHECK(last_death()->ended_by_us == "recycle");
  CHECK(last_death()->cause == "ended by us: recycle (ttl)");
  auto told = ledger.of(event_kind::worker_recycled);
  REQUIRE(told.size() == 1);
  CHECK(told[0].text("reason") == "ttl");
  CHECK(told[0].text("slot") == "0");
  CHECK(told[0].text("generation") == "1");
  CHECK(told[0].measurements.at("calls") == 1);
  CHECK(told[0].measurements.at("age_us") == 3'600'000'000);
  CHECK(stats().worker_exits == 0);
  advance(1h); // and the same again
  REQUIRE(world.workers.size() == 3);
  bring_up(worker(2));
  CHECK(worker(1).shutdown_came);
}

TEST_CASE_FIXTURE(lifecycle_fixture, "replacements keep to the size of a batch [L2, P2]") {
  cfg.workers = 5;
  cfg.start.batch_size = 2;
  cfg.recycle.ttl = 1h;
  start();
  for (size_t i = 0; i < 5; ++i)
    bring_up(worker(i));
  advance(1h);
  for (size_t i = 5; i < 10; ++i) {
    CHECK(world.workers.size() == std::min<size_t>(i + 2, 10));
    CHECK(stats().workers_ready == 5);
    bring_up(worker(i));
    leave(worker(i - 5));
  }
  advance(1min);
  CHECK(world.workers.size() == 10);
  CHECK(ledger.count(event_kind::worker_recycled) == 5);
}

TEST_CASE_FIXTURE(lifecycle_fixture, "a worker is replaced at once after its last call [L1]") {
  cfg.recycle.max_calls = 3;
  start_ready();
  call(worker(0));
  call(worker(0));
  CHECK(world.workers.size() == 1);
  call(worker(0));
  REQUIRE(world.workers.size() == 2);
  call(worker(0)); // until there is another
  bring_up(worker(1));
  CHECK(worker(0).shutdown_came);
  leave(worker(0));
  CHECK(last_death()->cause == "ended by us: recycle (max_calls)");
  CHECK(ledger.of(event_kind::worker_recycled).at(0).measurements.at("calls") == 4);
  call(worker(1));
  CHECK(world.workers.size() == 2);
  CHECK(meter->asked == 0);
}

TEST_CASE_FIXTURE(lifecycle_fixture, "a worker that has had nothing to do is replaced once [L1]") {
  cfg.recycle.idle = 1min;
  start_ready();
  advance(1h);
  CHECK(world.workers.size() == 1); // new as it is
  auto running = submit("running");
  worker(0).claim();
  advance(1h);
  CHECK(world.workers.size() == 1); // busy
  worker(0).finish();
  worker(0).send();
  run();
  CHECK(answered(running));
  advance(30s);
  call(worker(0));
  advance(59s);
  CHECK(world.workers.size() == 1);
  advance(1s);
  REQUIRE(world.workers.size() == 2);
  bring_up(worker(1));
  leave(worker(0));
  CHECK(why_recycled() == "idle");
  for (int i = 0; i < 10; ++i)
    advance(1h);
  CHECK(world.workers.size() == 2);
}

TEST_CASE_FIXTURE(lifecycle_fixture, "a worker that holds too much is replaced [L4]") {
  cfg.recycle.memory_soft = 100 * mebibyte;
  start_ready();
  meter->bytes[1000] = 150 * mebibyte;
  advance(500ms);
  CHECK(meter->asked > 0);
  CHECK(stats().workers.at(0).memory_bytes == 150 * mebibyte);
  CHECK(world.workers.size() == 1); // its successor would be no better
  meter->bytes[1000] = 50 * mebibyte;
  advance(500ms);
  call(worker(0));
  advance(500ms);
  meter->bytes[1000] = 99 * mebibyte;
  for (int i = 0; i < 100; ++i)
    call(worker(0));
  advance(500ms);
  CHECK(world.workers.size() == 1);
  CHECK(stats().workers.at(0).memory_growth == int64_t{490 * mebibyte});
  auto running = submit("running");
  worker(0).claim();
  meter->bytes[1000] = 101 * mebibyte;
  advance(500ms);
  REQUIRE(world.workers.size() == 2);
  bring_up(worker(1));
  CHECK(!worker(0).shutdown_came); // after the running call
  worker(0).finish();
  worker(0).send();
  run();
  CHECK(answered(running));
  leave(worker(0));
  CHECK(why_recycled() == "memory");
  CHECK(last_death()->cause == "ended by us: recycle (memory)");
  CHECK(stats().calls_failed == 0);
}

TEST_CASE_FIXTURE(lifecycle_fixture, "a worker that holds far too much is ended [L4, W9]") {
  cfg.recycle.memory_hard = 200 * mebibyte;
  start_ready();
  auto calls = submit_all({"eats", "waits"});
  worker(0).claim();
  meter->bytes[1000] = 200 * mebibyte;
  advance(500ms);
  CHECK(!worker(0).kill_came);
  meter->bytes[1000] = 300 * mebibyte + 5;
  advance(500ms);
  CHECK(worker(0).stacks_asked == 1);
  CHECK(worker(0).kill_came);
  advance(500ms); // it is told again, and that changes nothing
  crash(worker(0), SIGKILL);
  auto& why = failure(calls[0]);
  CHECK(why.reason == reason::worker_killed);
  CHECK(why.details.at("because") == "memory");
  REQUIRE(why.certificate);
  CHECK(why.certificate->ended_by_us == "memory");
  CHECK(why.certificate->cause == "ended by us: memory (300MiB of its own, memory_hard is 200MiB)");
  CHECK(why.certificate->running_tool == "work");
  CHECK(!why.certificate->stacks.python.empty());
  CHECK(stats().worker_exits == 1); // it was nobody's plan
  CHECK(ledger.count(event_kind::worker_recycled) == 0);
  advance(1s);
  REQUIRE(world.workers.size() == 2);
  bring_up(worker(1));
  serve(worker(1));
  CHECK(text(calls[1]) == R"({"n":"waits"})");
}

TEST_CASE_FIXTURE(lifecycle_fixture, "one that leaves and holds far too much is ended, too [L4]") {
  cfg.recycle.ttl = 1min;
  cfg.recycle.memory_hard = 200 * mebibyte;
  start_ready();
  auto call = submit("eats");
  worker(0).claim();
  advance(1min);
  REQUIRE(world.workers.size() == 2);
  bring_up(worker(1));
  meter->bytes[1000] = 300 * mebibyte;
  advance(500ms);
  CHECK(worker(0).kill_came);
  crash(worker(0), SIGKILL);
  CHECK(failure(call).details.at("because") == "memory");
  CHECK(stats().workers_ready == 1);
}

TEST_CASE_FIXTURE(lifecycle_fixture, "what cannot be replaced serves on, and is tried again [L2]") {
  cfg.recycle.ttl = 1min;
  cfg.restart.retry_failed = 10s;
  start_ready();
  advance(1min);
  REQUIRE(world.workers.size() == 2);
  worker(1).fail_to_spawn({reason::worker_start_failed, "no room"});
  run();
  call(worker(0));
  advance(9s);
  CHECK(world.workers.size() == 2);
  CHECK(ledger.count(event_kind::worker_recycled) == 0);
  advance(1s);
  REQUIRE(world.workers.size() == 3);
  bring_up(worker(2));
  leave(worker(0));
  CHECK(why_recycled() == "ttl");
}

TEST_CASE_FIXTURE(lifecycle_fixture, "with max_unavailable the old worker leaves first [L2]") {
  cfg.workers = 2;
  cfg.recycle.ttl = 1min;
  cfg.recycle.max_unavailable = 1;
  start();
  bring_up(worker(0));
  bring_up(worker(1));
  advance(1min);
  CHECK(world.workers.size() == 2); // no third one at any time
  CHECK(worker(0).shutdown_came);
  CHECK(!worker(1).shutdown_came);
  CHECK(stats().workers_ready == 1);
  CHECK(stats().workers.at(0).state == "leaving");
  call(worker(1));
  leave(worker(0));
  REQUIRE(world.workers.size() == 3); // without a pause
  CHECK(!worker(1).shutdown_came);
  CHECK(ledger.count(event_kind::worker_recycled) == 0); // there is none yet
  bring_up(worker(2));
  CHECK(ledger.count(event_kind::worker_recycled) == 1);
  CHECK(worker(1).shutdown_came);
  leave(worker(1));
  bring_up(worker(3));
  CHECK(ledger.count(event_kind::worker_recycled) == 2);
  CHECK(ledger.count(event_kind::worker_restarted) == 0);
  CHECK(stats().worker_exits == 0);
  CHECK(stats().workers_ready == 2);
}

TEST_CASE_FIXTURE(lifecycle_fixture, "whoever leaves first waits for its calls [L2]") {
  cfg.recycle.ttl = 1min;
  cfg.recycle.max_unavailable = 1;
  start_ready();
  auto drained = false;
  auto calls = submit_all({"running", "waiting"});
  worker(0).claim();
  advance(1min);
  CHECK(!worker(0).shutdown_came);
  CHECK(world.workers.size() == 1);
  worker(0).finish();
  worker(0).send();
  run();
  CHECK(answered(calls[0]));
  SUBCASE("") {
    leave(worker(0));
  }
  SUBCASE("also if the pool is told to stop meanwhile") {
    caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                   make_local(drain_order{1min, [&] { drained = true; }}));
    run();
    CHECK(!drained);
    leave(worker(0));
  }
  SUBCASE("or crashes on its way") {
    crash(worker(0), SIGSEGV);
    CHECK(stats().worker_exits == 1);
  }
  REQUIRE(world.workers.size() == 2);
  bring_up(worker(1));
  serve(worker(1));
  CHECK(text(calls[1]) == R"({"n":"waiting"})");
}

TEST_CASE_FIXTURE(lifecycle_fixture, "a manual order leaves first, too, and says when it is done") {
  cfg.recycle.max_unavailable = 1;
  start_ready();
  auto answers = 0;
  auto order = recycle_order{0, [&](result<void> x) { answers += x.has_value(); }};
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()), make_local(std::move(order)));
  run();
  leave(worker(0));
  CHECK(last_death()->cause == "ended by us: recycle");
  CHECK(answers == 0);
  bring_up(worker(1));
  CHECK(answers == 1);
  CHECK(why_recycled() == "manual");
}

TEST_CASE_FIXTURE(lifecycle_fixture, "a worker that is lost before its turn is no recycle [L1]") {
  cfg.recycle.ttl = 1min;
  start_ready();
  advance(1min);
  REQUIRE(world.workers.size() == 2);
  crash(worker(0), SIGSEGV);
  bring_up(worker(1));
  CHECK(ledger.count(event_kind::worker_recycled) == 0);
  CHECK(ledger.count(event_kind::worker_restarted) == 1);
  advance(1min);
  REQUIRE(world.workers.size() == 3);
  bring_up(worker(2));
  CHECK(ledger.count(event_kind::worker_recycled) == 1);
}

TEST_CASE_FIXTURE(lifecycle_fixture, "a measurement that never ends holds nothing up [L1]") {
  cfg.recycle.ttl = 1min;
  cfg.recycle.memory_soft = 100 * mebibyte;
  meter->silent = true;
  start_ready();
  for (int i = 0; i < 120; ++i)
    advance(500ms);
  CHECK(meter->asked == 1);
  REQUIRE(world.workers.size() == 2);
  bring_up(worker(1));
  CHECK(why_recycled() == "ttl");
}

TEST_CASE_FIXTURE(lifecycle_fixture, "after a fault of ours workers are replaced as before [R1]") {
  cfg.recycle.ttl = 1min;
  start_ready();
  caf::anon_send_exit(entry->actor(), caf::exit_reason::kill);
  run();
  crash(worker(0), SIGKILL); // its actor went with the pool
  REQUIRE(world.workers.size() == 2);
  bring_up(worker(1));
  advance(1min);
  REQUIRE(world.workers.size() == 3);
  bring_up(worker(2));
  CHECK(why_recycled() == "ttl");
}

TEST_CASE_FIXTURE(lifecycle_fixture, "after a fault of ours no name of a worker comes twice [W9]") {
  cfg.workers = 2;
  start_ready();
  crash(worker(0), SIGKILL);
  advance(1min);
  REQUIRE(world.workers.size() == 3);
  CHECK(worker(2).label == "p/0.2");
  bring_up(worker(2));
  caf::anon_send_exit(entry->actor(), caf::exit_reason::kill);
  run();
  crash(worker(1), SIGKILL); // their actors went with the pool
  crash(worker(2), SIGKILL);
  REQUIRE(world.workers.size() == 5);
  CHECK(worker(3).label == "p/0.3");
  CHECK(worker(4).label == "p/1.3");
}

TEST_SUITE_END();
