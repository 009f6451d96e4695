#include "runtime_fixture.hpp"

#include <snakepit/caf.hpp>
#include <snakepit/json.hpp>
#include <snakepit/runtime.hpp>

#include <caf/scoped_actor.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <unistd.h>

using namespace snakepit;
using namespace std::chrono_literals;

/// What an embedder sees, with real Python workers; uses nothing but the public headers.

namespace {

/// Whether the process is gone; a zombie is.
bool gone(int64_t pid) {
  return !std::filesystem::exists("/proc/" + std::to_string(pid));
}

} // namespace

TEST_SUITE_BEGIN("public");

TEST_CASE_FIXTURE(runtime_fixture,
                  "values keep their types on the way to Python and back [D1, E1]") {
  auto uut = start({pool("default", 1)});
  for (auto& x : {value{}, value{true}, value{7}, value{UINT64_MAX}, value{INT64_MIN}, value{1.0},
                  value{"text \u00e4 \"$\""}, value{bytes{std::string{"\0\xff", 2}}},
                  value{value::list{1, 2.5, nullptr}}, value{{"a", value{{"$", 1}}}}}) {
    auto end = uut.execute("echo", value{{"x", x}});
    REQUIRE_MESSAGE(end, to_string(end.error()));
    CHECK(*end == x);
  }
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "calls in every form: synchronous, future, callback, many, raw, text [E1]") {
  auto uut = start({pool("default", 2)});
  CHECK(uut.execute("add", value{{"a", 1}, {"b", 2}}).value() == value{3});
  CHECK(uut.execute("add", json_text{R"({"a": 1, "b": 2})"}).value() == value{3});
  CHECK(uut.execute_raw("reverse", "abc").value() == "cba");
  auto later = uut.execute_async("add", value{{"a", 2}, {"b", 2}});
  CHECK(later.future.get().value() == value{4});
  auto promise = std::promise<outcome>{};
  uut.execute_async("add", value{{"a", 3}, {"b", 2}}, {},
                    [&](outcome x) { promise.set_value(std::move(x)); });
  CHECK(promise.get_future().get()->to_value().value() == value{5});

  constexpr size_t n = 5000;
  auto many = std::vector<arguments>{};
  for (size_t i = 0; i < n; ++i)
    many.push_back(value{{"a", i}, {"b", 1}});
  auto seen = std::vector<std::atomic<int>>(n);
  for (size_t begin = 0; begin < n; begin += 500) {
    auto part = std::vector<arguments>(many.begin() + static_cast<long>(begin),
                                       many.begin() + static_cast<long>(begin + 500));
    // Within what the queue holds.
    auto part_left = std::make_shared<std::atomic<size_t>>(500);
    auto part_done = std::make_shared<std::promise<void>>();
    auto future = part_done->get_future();
    uut.submit_many("add", std::move(part), {},
                    [&, begin, part_left, part_done](size_t i, outcome x) {
                      if (x && x->text() == std::to_string(begin + i + 1))
                        ++seen[begin + i];
                      if (--*part_left == 0)
                        part_done->set_value();
                    });
    future.get();
  }
  CHECK(std::all_of(seen.begin(), seen.end(), [](auto& x) { return x == 1; }));
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "a call that is sent many at a time is refused beyond the queue [Q1]") {
  auto small = pool("default", 1);
  small.queue.max_calls = 10;
  auto uut = start({small});
  REQUIRE(uut.await_ready());
  auto many = std::vector<arguments>(50, value{{"seconds", 0.01}});
  auto ends = std::map<std::string, int>{};
  auto mutex = std::mutex{};
  auto left = size_t{50};
  auto all = std::promise<void>{};
  uut.submit_many("sleep", std::move(many), {}, [&](size_t, outcome x) {
    auto guard = std::unique_lock{mutex};
    ++ends[x ? "ok" : std::string{to_string(x.error().reason)}];
    auto is_last = --left == 0;
    guard.unlock(); // the mutex is gone when the last end is told
    if (is_last)
      all.set_value();
  });
  all.get_future().get();
  CHECK(ends["ok"] >= 10);
  CHECK(ends["pool_saturated"] > 0);
  CHECK(ends.size() == 2);
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "an exception keeps type, message and frames; the worker lives [Y2]") {
  auto uut = start({pool("default", 1)});
  auto before = uut.execute("pid", value{value::map{}});
  auto end = uut.execute("fail", value{{"text", "no good"}});
  REQUIRE(!end);
  CHECK(end.error().reason == reason::python_exception);
  REQUIRE(end.error().python);
  CHECK(end.error().python->type == "ValueError");
  CHECK(end.error().python->message == "no good");
  REQUIRE(!end.error().python->frames.empty());
  CHECK(end.error().python->frames.back().function == "fail");
  CHECK(uut.execute("pid", value{value::map{}}).value() == before.value());
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "a crash is the error of the call that ran, with its certificate [Q7, W1]") {
  auto uut = start({pool("default", 1)});
  auto end = uut.execute("die", value{value::map{}});
  REQUIRE(!end);
  CHECK(end.error().reason == reason::worker_crashed);
  REQUIRE(end.error().certificate);
  CHECK(end.error().certificate->signal_name == "SIGABRT");
  CHECK(end.error().certificate->running_tool == "die");
  CHECK(uut.execute("add", value{{"a", 1}, {"b", 2}}).value() == value{3});
}

TEST_CASE_FIXTURE(runtime_fixture, "a deadline is kept and the worker goes on [Q2]") {
  auto uut = start({pool("default", 1)});
  auto before = uut.execute("pid", value{value::map{}});
  auto options = call_options{};
  options.timeout = 100ms;
  auto begin = std::chrono::steady_clock::now();
  auto end = uut.execute("sleep", value{{"seconds", 100.0}}, options);
  REQUIRE(!end);
  CHECK(end.error().reason == reason::deadline_exceeded);
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(uut.execute("pid", value{value::map{}}).value() == before.value());
}

TEST_CASE_FIXTURE(runtime_fixture, "a handle cancels its call") {
  auto uut = start({pool("default", 1)});
  REQUIRE(uut.await_ready());
  auto call = uut.execute_async("sleep", value{{"seconds", 100.0}});
  CHECK(call.handle.id() != 0);
  call.handle.cancel();
  auto end = call.future.get();
  REQUIRE(!end);
  CHECK(end.error().reason == reason::cancelled);
  call.handle.cancel(); // too late: harmless
  CHECK(uut.execute("add", value{{"a", 1}, {"b", 2}}).value() == value{3});
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "pools by name; an unknown one is named with those there are [P1]") {
  auto uut = start({pool("one", 1), pool("two", 1)});
  auto options = call_options{};
  options.pool = "two";
  CHECK(uut.execute("add", value{{"a", 1}, {"b", 2}}, options).value() == value{3});
  options.pool = "three";
  auto end = uut.execute("add", value{{"a", 1}, {"b", 2}}, options);
  REQUIRE(!end);
  CHECK(end.error().reason == reason::pool_not_found);
  CHECK(end.error().message.find("three") != std::string::npos);
  CHECK(end.error().message.find("`one`, `two`") != std::string::npos);
}

TEST_CASE_FIXTURE(runtime_fixture, "a pool that cannot start does not stop the others [P1, P3]") {
  auto uut =
    start({pool("bad", 1, SNAKEPIT_SOURCE_ROOT "/tests/public/nothing.py"), pool("good", 1)});
  auto ready = uut.await_ready("bad", 20s);
  REQUIRE(!ready);
  CHECK(ready.error().reason == reason::pool_failed);
  CHECK(ready.error().message.find("nothing.py") != std::string::npos);
  auto options = call_options{};
  options.pool = "good";
  CHECK(uut.execute("add", value{{"a", 1}, {"b", 2}}, options).value() == value{3});
  options.pool = "bad";
  CHECK(uut.execute("add", value{{"a", 1}, {"b", 2}}, options).error().reason
        == reason::pool_failed);
  auto stats = uut.stats();
  CHECK(stats[0].state == "failed");
  CHECK(stats[1].state == "ready");
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "a start reports what it took; too many workers are reduced [P2, P3]") {
  auto x = pool("default", 5);
  x.max_workers = 3;
  x.start.batch_size = 2;
  auto uut = start({x});
  auto report = uut.await_started("default", 60s);
  REQUIRE_MESSAGE(report, to_string(report.error()));
  CHECK(report->peak.processes >= report->before.processes + 3);
  CHECK(report->peak.memory_bytes > report->before.memory_bytes);
  auto stats = uut.stats().front();
  CHECK(stats.workers_target == 3);
  CHECK(stats.workers_ready == 3);
}

TEST_CASE_FIXTURE(runtime_fixture, "starting can be stopped at any time [P2]") {
  for (auto wait : {0ms, 5ms, 20ms, 60ms, 120ms}) {
    auto uut = start({pool("default", 4)});
    std::this_thread::sleep_for(wait);
    uut.stop(0s);
  }
}

TEST_CASE_FIXTURE(runtime_fixture, "nothing is left after a stop: no process, no socket [R7]") {
  auto pids = std::set<int64_t>{};
  {
    auto uut = start({pool("default", 2)});
    REQUIRE(uut.await_started());
    for (auto i = 0; i < 20; ++i)
      pids.insert(uut.execute("pid", value{value::map{}})->as<int64_t>());
    CHECK(uut.execute("environment", value{{"name", "SNAKEPIT_RUN_ID"}}).value()
          == value{uut.run_id()});
  }
  for (auto pid : pids)
    CHECK(gone(pid));
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "any thread may stop, several at once, with the starter waiting [R7]") {
  auto uut = start({pool("default", 1)});
  REQUIRE(uut.await_ready());
  auto stopper = std::thread{[&] { uut.stop(); }};
  auto other = std::thread{[&] { uut.stop(); }};
  stopper.join(); // CAF's system would wait for this thread's logger for ever
  other.join();
  uut.stop();
}

TEST_CASE_FIXTURE(runtime_fixture, "stop answers every call, queued or running [Q7, R7]") {
  auto uut = start({pool("default", 1)});
  REQUIRE(uut.await_ready());
  auto calls = std::vector<call_future>{};
  for (auto i = 0; i < 5; ++i)
    calls.push_back(uut.execute_async("sleep", value{{"seconds", 100.0}}));
  uut.stop(50ms);
  for (auto& x : calls) {
    REQUIRE(x.future.wait_for(0s) == std::future_status::ready);
    auto end = x.future.get();
    REQUIRE(!end);
    CHECK_MESSAGE(
      (end.error().reason == reason::worker_killed || end.error().reason == reason::draining),
      to_string(end.error()));
  }
  auto after = uut.execute("add", value{{"a", 1}, {"b", 2}});
  REQUIRE(!after);
  CHECK(after.error().reason == reason::draining);
}

TEST_CASE_FIXTURE(runtime_fixture, "two runtimes live in one process [E1]") {
  auto a = start({pool("default", 1)});
  auto b = start({pool("default", 1)});
  CHECK(a.run_id() != b.run_id());
  CHECK(a.execute("add", value{{"a", 1}, {"b", 2}}).value() == value{3});
  a.stop();
  CHECK(b.execute("add", value{{"a", 1}, {"b", 2}}).value() == value{3});
}

TEST_CASE_FIXTURE(runtime_fixture, "a runtime lives in the embedder's actor system [E1]") {
  auto cfg = caf::actor_system_config{};
  prepare(cfg);
  cfg.set("scheduler.policy", caf::atom("sharing"));
  auto system = caf::actor_system{cfg};
  auto uut = start_in(system, configuration({pool("default", 1)}));
  REQUIRE_MESSAGE(uut, to_string(uut.error()));
  REQUIRE(uut->await_ready());
  auto actor = pool_actor_of(*uut);
  REQUIRE(actor);
  auto self = caf::scoped_actor{system};
  self->request(*actor, 30s, request{"add", R"({"a": 1, "b": 2})"})
    .receive([](const response& x) { CHECK(x.text == "3"); },
             [](const caf::error& x) { FAIL(to_string(from_caf(x))); });
  self->request(*actor, 30s, request{"fail", R"({"text": "no good"})"})
    .receive([](const response&) { FAIL("it must fail"); },
             [](const caf::error& x) {
               CHECK(from_caf(x).reason == reason::python_exception);
               CHECK(from_caf(x).message.find("no good") != std::string::npos);
             });
  uut->stop();
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "the embedder is warned of a policy that makes calls slow [E1]") {
  for (auto is_default : {true, false}) {
    auto cfg = caf::actor_system_config{};
    prepare(cfg);
    if (!is_default)
      cfg.set("scheduler.policy", caf::atom("sharing"));
    auto system = caf::actor_system{cfg};
    auto mutex = std::mutex{};
    auto lines = std::string{};
    auto mine = configuration({pool("default", 1)});
    mine.log.level = "warning";
    mine.log.sink = [&](std::string_view line) {
      auto guard = std::lock_guard{mutex};
      lines += line;
    };
    auto uut = start_in(system, mine);
    REQUIRE(uut);
    uut->stop();
    auto guard = std::lock_guard{mutex};
    CHECK((lines.find("`stealing`") != std::string::npos) == is_default);
  }
}

TEST_CASE("an actor system that does not know our messages is refused [E1]") {
  auto cfg = caf::actor_system_config{};
  auto system = caf::actor_system{cfg};
  auto x = config{};
  x.pools.emplace_back();
  x.pools.back().adapter = "json";
  auto uut = start_in(system, x);
  REQUIRE(!uut);
  CHECK(uut.error().reason == reason::invalid_config);
}

TEST_CASE_FIXTURE(runtime_fixture, "hostile arguments are errors, not crashes [D1, D2]") {
  auto uut = start({pool("default", 1)});
  REQUIRE(uut.await_ready());
  auto refused = [&](arguments x, reason why) {
    auto end = uut.execute("echo", std::move(x));
    REQUIRE(!end);
    CHECK_MESSAGE(end.error().reason == why, to_string(end.error()));
  };
  refused(value{{"x", std::numeric_limits<double>::quiet_NaN()}}, reason::invalid_argument);
  refused(value{{"x", "\xff"}}, reason::invalid_argument);
  refused(json_text{"{\"x\": "}, reason::invalid_argument);
  refused(json_text{"{\"x\": " + std::string(10'000, '[') + std::string(10'000, ']') + "}"},
          reason::invalid_argument);
  refused(value{{"y", 1}}, reason::schema_mismatch);
  refused(value{3}, reason::invalid_argument);
  refused(value{{"x", std::string(100 << 20, 'a')}}, reason::too_large);
  CHECK(uut.execute("echo", value{{"x", 1}}).value() == value{1});
}

TEST_SUITE_END();
