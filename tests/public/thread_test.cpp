#include "runtime_fixture.hpp"

#include <future>

using namespace snakepit;
using namespace std::chrono_literals;

/// Pools of profile `thread` with real workers.

namespace {

struct thread_fixture : runtime_fixture {
  static pool_config threads(size_t workers, size_t lanes) {
    auto x = pool_config{};
    x.adapter = SNAKEPIT_SOURCE_ROOT "/tests/public/threads.py";
    x.profile = "thread";
    x.workers = workers;
    x.lanes = lanes;
    return x;
  }

  /// One worker with four lanes that loses patience soon.
  runtime impatient(duration grace = 300ms) const {
    auto x = configuration({threads(1, 4)});
    x.timeouts.cancel_grace = grace;
    x.timeouts.drain = 1s;
    auto made = runtime::start(std::move(x));
    REQUIRE_MESSAGE(made, to_string(made.error()));
    REQUIRE(made->await_ready());
    return std::move(*made);
  }
};

call_options within(duration timeout) {
  auto x = call_options{};
  x.timeout = timeout;
  return x;
}

std::future<result<value>> begin_call(runtime& x, const std::string& tool,
                                      value arguments = value::map{}, call_options options = {}) {
  return x.execute_async(tool, std::move(arguments), std::move(options)).future;
}

/// The result, or the error as text.
value value_of(const result<value>& x) {
  return x ? *x : value{to_string(x.error())};
}

value pid_of(runtime& x) {
  return value_of(begin_call(x, "pid").get());
}

std::string reason_of(const result<value>& x) {
  return x ? "ok" : std::string{to_string(x.error().reason)};
}

} // namespace

TEST_SUITE_BEGIN("threads");

TEST_CASE_FIXTURE(thread_fixture, "the lanes of one worker run at the same time [W5]") {
  for (auto* spawn : {"template", "exec"}) {
    CAPTURE(spawn);
    auto pool = threads(1, 4);
    pool.spawn = spawn;
    pool.preload = {"adapter"};
    auto uut = runtime_fixture::start({pool});
    auto calls = std::vector<std::future<result<value>>>{};
    for (int i = 0; i < 4; ++i)
      calls.push_back(begin_call(uut, "meet", value{{"n", 4}}));
    auto pid = pid_of(uut);
    for (auto& x : calls)
      CHECK(value_of(x.get()) == pid);
    CHECK(uut.stats().at(0).lanes == 4);
  }
}

TEST_CASE_FIXTURE(thread_fixture, "without a number a worker has four lanes [W5]") {
  auto pool = threads(1, 1);
  pool.lanes.reset();
  auto uut = runtime_fixture::start({pool});
  REQUIRE(uut.await_ready());
  CHECK(uut.stats().at(0).lanes == 4);
}

TEST_CASE_FIXTURE(thread_fixture, "a thread sensitive tool runs on the main thread [Y4]") {
  auto uut = runtime_fixture::start({threads(1, 3)});
  for (int i = 0; i < 6; ++i)
    CHECK(uut.execute("on_main_thread", value{value::map{}}).value() == value{true});
}

TEST_CASE_FIXTURE(thread_fixture, "an adapter that is not made for threads fails the pool [W5]") {
  auto unsafe = threads(1, 2);
  unsafe.adapter = SNAKEPIT_SOURCE_ROOT "/tests/public/adapter.py";
  auto uut = runtime_fixture::start({unsafe});
  auto ready = uut.await_ready();
  REQUIRE(!ready);
  CHECK(ready.error().reason == reason::pool_failed);
  CHECK(ready.error().details.at("cause") == "worker_start_failed");
  CHECK(ready.error().details.at("phase") == "thread_safe");
  CHECK(ready.error().message.find("thread_safe = True") != std::string::npos);
}

TEST_CASE_FIXTURE(thread_fixture, "a deadline frees its lane and the worker serves on [Q2, Q5]") {
  auto uut = impatient(20s); // a lane that stays taken shows when four are to meet
  auto before = pid_of(uut);
  auto calls = std::vector<std::future<result<value>>>{};
  calls.push_back(begin_call(uut, "meet_and", value{{"then", "spin"}}, within(2s)));
  for (int i = 0; i < 3; ++i)
    calls.push_back(begin_call(uut, "brief", value{{"seconds", 3}}));
  CHECK(reason_of(calls[0].get()) == "deadline_exceeded");
  for (size_t i = 1; i < 4; ++i)
    CHECK(reason_of(calls[i].get()) == "ok");
  // All four lanes are free again, and it is still the same process.
  calls.clear();
  for (int i = 0; i < 4; ++i)
    calls.push_back(begin_call(uut, "meet", value{{"n", 4}, {"meeting", 1}}));
  for (auto& x : calls)
    CHECK(value_of(x.get()) == before);
}

TEST_CASE_FIXTURE(thread_fixture,
                  "a lane that is stuck for good ends the worker; the pool recovers [Q5]") {
  auto uut = impatient();
  auto before = pid_of(uut);
  auto calls = std::vector<std::future<result<value>>>{};
  calls.push_back(begin_call(uut, "stuck", value::map{}, within(500ms)));
  for (int i = 0; i < 3; ++i)
    calls.push_back(begin_call(uut, "slow"));
  CHECK(reason_of(calls[0].get()) == "deadline_exceeded");
  for (size_t i = 1; i < 4; ++i) {
    auto end = calls[i].get();
    REQUIRE(reason_of(end) == "worker_killed");
    CHECK(end.error().details.at("tool") == "slow");
    CHECK(end.error().details.at("because") == "deadline");
    CHECK(end.error().details.at("culprit") == "stuck");
    CHECK(end.error().certificate->running_tool == "stuck");
    CHECK(end.error().certificate->running_tools.size() == 4);
  }
  calls.clear();
  for (int i = 0; i < 4; ++i)
    calls.push_back(begin_call(uut, "meet", value{{"n", 4}, {"meeting", 1}}));
  for (auto& x : calls) {
    auto end = x.get();
    REQUIRE(reason_of(end) == "ok");
    CHECK(value_of(end) != before);
  }
}

TEST_CASE_FIXTURE(thread_fixture,
                  "a worker with a stuck lane leaves at once, what runs in it may end [Q5]") {
  auto x = configuration({threads(1, 4)});
  x.timeouts.cancel_grace = 100ms;
  auto uut = runtime::start(std::move(x)).value();
  REQUIRE(uut.await_ready());
  auto before = pid_of(uut);
  auto calls = std::vector<std::future<result<value>>>{};
  calls.push_back(begin_call(uut, "stuck", value::map{}, within(2s)));
  for (int i = 0; i < 3; ++i)
    calls.push_back(begin_call(uut, "brief", value{{"seconds", 12}}));
  CHECK(reason_of(calls[0].get()) == "deadline_exceeded");
  // All lanes of that worker are taken or held: this is answered by the next one.
  auto after = begin_call(uut, "pid").get();
  REQUIRE(reason_of(after) == "ok");
  CHECK(value_of(after) != before);
  for (size_t i = 1; i < 4; ++i)
    CHECK(calls[i].wait_for(0s) == std::future_status::timeout);
  for (size_t i = 1; i < 4; ++i)
    CHECK(reason_of(calls[i].get()) == "ok");
  CHECK(uut.stats().at(0).worker_exits <= 1);
}

TEST_CASE_FIXTURE(thread_fixture, "a crash costs what ran in the other lanes, too [Q7, W5]") {
  auto uut = impatient();
  auto calls = std::vector<std::future<result<value>>>{};
  for (auto* then : {"sleep", "die", "sleep", "sleep"})
    calls.push_back(begin_call(uut, "meet_and", value{{"then", then}}));
  for (auto& x : calls) {
    auto end = x.get();
    REQUIRE(reason_of(end) == "worker_crashed");
    CHECK(end.error().certificate->signal_name == "SIGABRT");
    CHECK(end.error().certificate->running_tools == std::vector<std::string>(4, "meet_and"));
  }
  CHECK(uut.execute("pid", value{value::map{}}));
}

TEST_CASE_FIXTURE(thread_fixture, "threads of libraries are bounded before an import [W3, W5]") {
  auto one = pool("one", 1);
  one.spawn = "exec";
  auto forked = pool("forked", 1);
  auto free = pool("free", 1);
  free.threads_env = "off";
  auto five = threads(1, 2);
  five.name = "five";
  five.threads_env = "5";
  auto uut = runtime_fixture::start({one, forked, free, five});
  auto seen = [&](const std::string& name) {
    auto options = call_options{};
    options.pool = name;
    return uut.execute("environment", value{{"name", "OPENBLAS_NUM_THREADS"}}, options).value();
  };
  CHECK(seen("one") == value{"1"});
  CHECK(seen("forked") == value{"1"});
  CHECK(seen("free") == value{nullptr});
  CHECK(seen("five") == value{"5"});
}

TEST_SUITE_END();
