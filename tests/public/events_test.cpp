#include "runtime_fixture.hpp"
#include "tests/support/event_ledger.hpp"
#include "tests/support/eventually.hpp"

#include <snakepit/caf.hpp>

#include <caf/scoped_actor.hpp>

#include <future>
#include <latch>
#include <semaphore>

using namespace snakepit;
using namespace std::chrono_literals;

/// Events of real Python workers, by what an embedder has.

namespace {

struct events_fixture : runtime_fixture {
  test::event_ledger ledger;

  /// A runtime whose events all go to the ledger.
  runtime start_with_ledger(std::vector<pool_config> pools) {
    auto x = configuration(std::move(pools));
    x.events.sink = [this](const event& e) { ledger.take(e); };
    auto made = runtime::start(std::move(x));
    REQUIRE_MESSAGE(made, to_string(made.error()));
    return std::move(*made);
  }

  static reason failure(const result<value>& x) {
    REQUIRE(!x);
    return x.error().reason;
  }
};

value no_arguments() {
  return value{value::map{}};
}

} // namespace

TEST_SUITE_BEGIN("public events");

TEST_CASE_FIXTURE(events_fixture, "every kind of event is told of real workers [T1]") {
  auto first = pool("default", 1);
  first.queue.max_calls = 2;
  auto sick = pool("sick", 1, SNAKEPIT_SOURCE_ROOT "/tests/public/health.py");
  sick.heartbeat = {.interval = 50ms, .timeout = 200ms, .misses = 5};
  sick.health_interval = 100ms;
  auto fragile = pool("fragile", 1);
  fragile.breaker = {.enabled = true, .failures = 1, .reset = 50ms, .half_open = 1};
  auto uut = start_with_ledger(
    {first, pool("forked", 1, SNAKEPIT_SOURCE_ROOT "/tests/public/forked.py"), sick, fragile,
     pool("bad", 1, SNAKEPIT_SOURCE_ROOT "/tests/public/nothing.py")});
  REQUIRE(uut.await_started("default"));
  REQUIRE(uut.await_started("forked"));
  CHECK(!uut.await_ready("bad"));

  auto entered = std::binary_semaphore{0};
  auto open = std::binary_semaphore{0};
  auto calls = std::atomic<int>{0};
  auto slow = uut.subscribe(
    {.names = {"call."}},
    [&](const event&) {
      if (++calls == 1) {
        entered.release();
        open.acquire();
      }
    },
    1);
  REQUIRE_MESSAGE(slow, to_string(slow.error()));

  CHECK(uut.execute("add", value{{"a", 1}, {"b", 2}}).value() == value{3});
  entered.acquire();
  CHECK(failure(uut.execute("fail", value{{"text", "no good"}})) == reason::python_exception);
  auto short_of_time = call_options{};
  short_of_time.timeout = 1s;
  short_of_time.session = "s";
  CHECK(failure(uut.execute("sleep", value{{"seconds", 100.0}}, short_of_time))
        == reason::deadline_exceeded);
  CHECK(uut.execute("sleep", value{{"seconds", 0.05}}).value() == value{"slept"});

  auto busy = uut.execute_async("sleep", value{{"seconds", 100.0}});
  auto impatient = call_options{};
  impatient.queue_timeout = 1s;
  auto waiting = std::vector<call_future>{};
  for (auto i = 0; i < 4; ++i)
    waiting.push_back(uut.execute_async("add", value{{"a", i}, {"b", 2}}, impatient));
  for (auto& x : waiting)
    CHECK(!x.future.get());
  busy.handle.cancel();
  CHECK(failure(busy.future.get()) == reason::cancelled);

  CHECK(failure(uut.execute("die", no_arguments())) == reason::worker_crashed);
  auto harmless = call_options{};
  harmless.idempotent = true;
  CHECK(failure(uut.execute("die", no_arguments(), harmless)) == reason::worker_crashed);
  CHECK(uut.execute("add", value{{"a", 1}, {"b", 2}}).value() == value{3});
  auto elsewhere = call_options{};
  elsewhere.pool = "forked";
  CHECK(failure(uut.execute("kill_parent", no_arguments(), elsewhere)) == reason::worker_crashed);
  CHECK(uut.execute("hooks_so_far", no_arguments(), elsewhere));
  CHECK(uut.recycle("forked", 0));
  elsewhere.pool = "fragile";
  auto sleep = [&](double seconds, duration limit) {
    auto options = elsewhere;
    options.timeout = limit;
    return uut.execute("sleep", value{{"seconds", seconds}}, options).has_value();
  };
  for (int i = 0; i < 10 && ledger.count(event_kind::circuit_opened) == 0; ++i) {
    CHECK(!sleep(100, 300ms)); // counts if it was begun by then
    test::eventually(1s, [&] { return ledger.count(event_kind::circuit_opened) > 0; });
  }
  CHECK(test::eventually(10s, [&] { return sleep(0.05, 10s); }));
  elsewhere.pool = "sick";
  auto recovered = [&] { return ledger.count(event_kind::heartbeat_recovered) > 0; };
  for (int i = 0; i < 10 && !recovered(); ++i) {
    CHECK(uut.execute("hold_lock", value{{"seconds", 0.6}}, elsewhere));
    test::eventually(1s, recovered);
  }
  CHECK(failure(uut.execute("stop", no_arguments(), elsewhere)) == reason::worker_hung);
  // On a busy machine a heartbeat may be missed first, which ends the worker, too.
  auto told = [&] { return ledger.count(event_kind::worker_health_failed) > 0; };
  for (int i = 0; i < 5 && !told(); ++i) {
    (void)uut.execute("ruin_main_thread", no_arguments(), elsewhere);
    test::eventually(4s, told);
  }
  CHECK(told());
  open.release();
  CHECK(slow->dropped() > 0);
  uut.stop();

  auto seen = ledger.kinds();
  auto elsewhere_told = [](std::string_view x) { // in {ledger,reload,scale}_test.cpp
    return x.starts_with("orphan.") || x.starts_with("cleanup.") || x.starts_with("ledger.")
           || x.starts_with("reload.") || x == "pool.scaled";
  };
  for (auto& row : event_table)
    if (!elsewhere_told(row.name))
      CHECK_MESSAGE(seen.contains(row.kind), row.name << " was never told");
  ledger.check_laws();

  auto ready = ledger.of(event_kind::worker_ready).front();
  CHECK(ready.number("took_us") > 1000);
  CHECK(ready.number("tools") >= 5); // of either pool that is ready
  for (auto& x : ledger.of(event_kind::call_finished)) {
    CHECK(x.number("total_us") >= x.number("run_us"));
    if (x.text("tool") == "sleep" && x.text("outcome") == "ok")
      CHECK(x.number("run_us") >= 50'000);
  }
  for (auto& x : ledger.of(event_kind::queue_timed_out))
    CHECK(x.number("wait_us") >= 50'000);
  CHECK(ledger.of(event_kind::call_cancelled).front().text("call")
        == std::to_string(busy.handle.id()));
  auto exits = ledger.of(event_kind::worker_exited);
  CHECK(std::any_of(exits.begin(), exits.end(), [](auto& x) {
    return x.text("cause") == "SIGABRT" && x.text("tool") == "die" && x.number("calls") > 0;
  }));
  CHECK(ledger.of(event_kind::python_exception).front().text("type") == "ValueError");
  CHECK(ledger.of(event_kind::python_exception).front().text("function") == "fail");
}

TEST_CASE_FIXTURE(events_fixture,
                  "the events of a crowd of calls agree with their ends, whatever happens [T1]") {
  constexpr size_t n = 600;
  auto many = pool("default", 2);
  many.queue.max_calls = n / 2;
  auto uut = start_with_ledger({many});
  REQUIRE(uut.await_started());
  auto args = std::vector<arguments>{};
  for (size_t i = 0; i < n; ++i)
    args.push_back(value{{"x", i}, {"at", i % 100 == 50 ? i : n}});
  auto ends = std::array<std::atomic<size_t>, 3>{}; // good, failed, refused
  auto left = std::latch{static_cast<ptrdiff_t>(n)};
  uut.submit_many("die_at", std::move(args), {}, [&](size_t, outcome x) {
    ++ends[x ? 0 : x.error().reason == reason::pool_saturated ? 2 : 1];
    left.count_down();
  });
  auto cancelled = size_t{0};
  for (auto i = 0; i < 20; ++i) {
    auto x = uut.execute_async("sleep", value{{"seconds", 0.001}});
    x.handle.cancel();
    auto end = x.future.get();
    cancelled += !end && end.error().reason == reason::cancelled;
  }
  left.wait();
  auto entered = ledger.count(event_kind::queue_entered);
  uut.stop();
  CHECK(entered > 0);
  ledger.check_laws();
  auto tally = std::map<std::string, size_t>{};
  for (auto& x : ledger.of(event_kind::call_finished))
    if (x.text("tool") == "die_at")
      ++tally[std::string{x.text("outcome")}];
  CHECK(tally["ok"] == ends[0]);
  CHECK(tally["worker_crashed"] == ends[1]);
  CHECK(ends[1] > 0);
  auto refused = size_t{0};
  auto unheard = size_t{0}; // cancelled before the pool had seen them
  for (auto& x : ledger.of(event_kind::queue_rejected)) {
    refused += x.text("tool") == "die_at";
    unheard += x.text("reason") == "cancelled";
  }
  CHECK(refused == ends[2]);
  CHECK(ledger.count(event_kind::call_cancelled) + unheard == cancelled);
}

TEST_CASE_FIXTURE(events_fixture, "a callback may use and stop the runtime that calls it [T1]") {
  auto uut = start({pool("default", 1)});
  REQUIRE(uut.await_ready());
  auto answer = std::promise<result<value>>{};
  auto once = std::atomic<bool>{false};
  auto watch = uut.subscribe({.kinds = {event_kind::call_finished}}, [&](const event&) {
    if (once.exchange(true))
      return;
    auto end = uut.execute("add", value{{"a", 20}, {"b", 3}});
    uut.stop(0s);
    answer.set_value(std::move(end));
  });
  REQUIRE(watch);
  uut.execute("add", value{{"a", 1}, {"b", 2}});
  CHECK(answer.get_future().get().value() == value{23});
  auto late = uut.subscribe({}, [](const event&) {});
  REQUIRE(!late);
  CHECK(late.error().reason == reason::draining);
}

TEST_CASE_FIXTURE(events_fixture, "a filter that no event fits is an error that names it [T1]") {
  auto x = configuration({pool("default", 1)});
  x.events.filter.names = {"wroker."};
  x.events.sink = [](const event&) {};
  auto made = runtime::start(std::move(x));
  REQUIRE(!made);
  CHECK(made.error().reason == reason::invalid_argument);
  CHECK(made.error().message.find("`wroker.`") != std::string::npos);
}

TEST_CASE_FIXTURE(events_fixture, "a subscription may outlive its runtime [T1]") {
  auto watch = subscription{};
  {
    auto uut = start({pool("default", 1)});
    auto made = uut.subscribe({}, [this](const event& e) { ledger.take(e); });
    REQUIRE(made);
    watch = std::move(*made);
    REQUIRE(uut.await_ready());
  }
  CHECK(watch);
  CHECK(ledger.count(event_kind::worker_exited) == 1);
}

TEST_CASE_FIXTURE(events_fixture, "an actor subscribes and gets messages [T1]") {
  auto cfg = caf::actor_system_config{};
  prepare(cfg);
  cfg.set("scheduler.policy", caf::atom("sharing"));
  auto system = caf::actor_system{cfg};
  auto uut = start_in(system, configuration({pool("default", 1)}));
  REQUIRE_MESSAGE(uut, to_string(uut.error()));
  REQUIRE(uut->await_ready());
  auto self = caf::scoped_actor{system};
  auto wrong = subscribe(*uut, caf::actor{self}, {.names = {"worker"}});
  REQUIRE(!wrong);
  CHECK(wrong.error().reason == reason::invalid_argument);
  CHECK(!subscribe(*uut, caf::actor{}));
  REQUIRE(subscribe(*uut, caf::actor{self}, {.names = {"worker."}}));
  CHECK(failure(uut->execute("die", no_arguments())) == reason::worker_crashed);
  auto seen = std::vector<event>{};
  while (seen.empty() || seen.back().kind != event_kind::worker_restarted)
    self->receive([&](const event& x) { seen.push_back(x); },
                  caf::after(30s) >> [&] { FAIL("no event came"); });
  CHECK(seen[0].kind == event_kind::worker_exited);
  CHECK(seen[0].text("cause") == "SIGABRT");
  CHECK(seen[0].pool == "default");
  CHECK(seen[0].time > std::chrono::system_clock::now() - 1min);
  uut->stop();
}

TEST_SUITE_END();
