#include "runtime_fixture.hpp"

#include <future>
#include <thread>

using namespace snakepit;
using namespace std::chrono_literals;

/// Pools of profile `async` with real workers.

namespace {

struct async_fixture : runtime_fixture {
  static pool_config coroutines(size_t workers) {
    auto x = pool_config{};
    x.adapter = SNAKEPIT_SOURCE_ROOT "/tests/public/coroutines.py";
    x.profile = "async";
    x.workers = workers;
    return x;
  }

  /// Loses patience sooner than one that nobody has set.
  runtime impatient(size_t workers = 1, duration grace = 2s) const {
    auto x = configuration({coroutines(workers)});
    x.timeouts.cancel_grace = grace;
    x.timeouts.drain = 2s;
    auto made = runtime::start(std::move(x));
    REQUIRE_MESSAGE(made, to_string(made.error()));
    REQUIRE(made->await_started());
    return std::move(*made);
  }

  using pending = std::future<result<value>>;

  static pending begin(runtime& x, const std::string& tool, value arguments = value::map{},
                       duration timeout = 30s) {
    auto options = call_options{};
    options.timeout = timeout;
    return x.execute_async(tool, std::move(arguments), std::move(options)).future;
  }

  static std::vector<pending> begin_many(runtime& x, size_t n, const std::string& tool,
                                         const value& arguments = value::map{}) {
    auto out = std::vector<pending>{};
    for (size_t i = 0; i < n; ++i)
      out.push_back(begin(x, tool, arguments));
    return out;
  }

  static std::string end_of(pending& x) {
    auto end = x.get();
    return end ? "ok" : std::string{to_string(end.error().reason)};
  }

  static value pid_of(runtime& x) {
    auto end = begin(x, "pid").get();
    REQUIRE_MESSAGE(end, to_string(end.error()));
    return *end;
  }
};

} // namespace

TEST_SUITE_BEGIN("coroutines");

TEST_CASE_FIXTURE(async_fixture, "a hundred coroutines of one worker overlap [W5]") {
  for (auto* spawn : {"template", "exec"}) {
    CAPTURE(spawn);
    auto pool = coroutines(1);
    pool.spawn = spawn;
    pool.preload = {"adapter"};
    auto uut = runtime_fixture::start({pool});
    REQUIRE(uut.await_ready());
    CHECK(uut.stats().at(0).lanes == 100); // what a pool has that does not say how many
    auto most = int64_t{0};
    for (int round = 0; round < 5 && most < 90;
         ++round) { // a machine may be held up for a nap's time
      auto begun = std::chrono::steady_clock::now();
      for (auto& x : begin_many(uut, 100, "nap", value{{"seconds", 1.0}}))
        most = std::max(most, x.get().value().as<int64_t>());
      CHECK(std::chrono::steady_clock::now() - begun
            < 20s); // one after the other would take a hundred
    }
    CHECK(most >= 90);
    CHECK(uut.execute("on_the_hooks_loop", value{value::map{}}).value() == value{true});
    CHECK(uut.execute("on_main_thread", value{value::map{}}).value() == value{true});
  }
}

TEST_CASE_FIXTURE(async_fixture, "more calls than lanes wait in the pool's queue [W5, P4]") {
  auto pool = coroutines(1);
  pool.lanes = 3;
  auto uut = runtime_fixture::start({pool});
  auto most = int64_t{0};
  for (auto& x : begin_many(uut, 12, "nap", value{{"seconds", 0.05}}))
    most = std::max(most, x.get().value().as<int64_t>());
  CHECK(most == 3);
}

TEST_CASE_FIXTURE(async_fixture, "each coroutine sees its own call [Y5]") {
  auto uut = runtime_fixture::start({coroutines(1)});
  auto calls = std::vector<pending>{};
  for (int i = 0; i < 20; ++i) {
    auto options = call_options{};
    options.correlation_id = std::to_string(i);
    calls.push_back(uut.execute_async("who", value{value::map{}}, options).future);
  }
  for (int i = 0; i < 20; ++i)
    CHECK(calls[static_cast<size_t>(i)].get().value()
          == value{value::list{std::to_string(i), std::to_string(i)}});
}

TEST_CASE_FIXTURE(async_fixture, "a cancelled coroutine leaves its neighbours alone [Q5]") {
  auto uut = impatient();
  auto before = pid_of(uut);
  auto neighbours = begin_many(uut, 20, "nap", value{{"seconds", 1.5}});
  auto options = call_options{};
  auto cancelled = uut.execute_async("nap", value{{"seconds", 60.0}}, options);
  auto late = begin(uut, "nap", value{{"seconds", 60.0}}, 300ms);
  std::this_thread::sleep_for(200ms);
  cancelled.handle.cancel();
  CHECK(end_of(cancelled.future) == "cancelled");
  CHECK(end_of(late) == "deadline_exceeded");
  for (auto& x : neighbours)
    CHECK(end_of(x) == "ok");
  CHECK(pid_of(uut) == before);
  CHECK(uut.stats().at(0).worker_exits == 0);
}

TEST_CASE_FIXTURE(async_fixture,
                  "a coroutine that blocks the loop is off it soon after its deadline [Q5]") {
  auto uut = impatient(1, 20s);
  auto before = pid_of(uut);
  for (auto* tool : {"block", "spin"}) {
    CAPTURE(tool);
    auto shown = false;
    for (int i = 0; i < 10 && !shown; ++i) {
      auto begun = std::chrono::steady_clock::now();
      auto neighbours = begin_many(uut, 5, "nap", value{{"seconds", 0.1}});
      auto end = begin(uut, tool, value::map{}, 500ms).get();
      REQUIRE(!end);
      CHECK(end.error().reason == reason::deadline_exceeded);
      shown = shows(end.error(), std::string{" in "} + tool);
      for (auto& x : neighbours)
        CHECK(end_of(x) == "ok");
      CHECK(pid_of(uut) == before);
      CHECK(std::chrono::steady_clock::now() - begun < 15s);
    }
    CHECK(shown);
  }
}

TEST_CASE_FIXTURE(async_fixture, "calls do not wait for a loop that is blocked [W5, W6]") {
  auto uut = impatient(2);
  auto blocking = begin(uut, "block", value{{"seconds", 3.0}});
  std::this_thread::sleep_for(100ms);
  auto calls = begin_many(uut, 20, "pid");
  for (auto& x : calls)
    CHECK(end_of(x) == "ok");
  CHECK(blocking.wait_for(0s) == std::future_status::timeout); // all went to the other worker
  CHECK(end_of(blocking) == "ok");
  CHECK(uut.stats().at(0).worker_exits == 0);
}

TEST_CASE_FIXTURE(async_fixture, "a call's error shows where its coroutine waits [W9, Q5]") {
  auto uut = impatient();
  auto why = error{};
  for (int i = 0; i < 10 && !shows(why, " in nap"); ++i) {
    auto end = begin(uut, "nap", value{{"seconds", 60.0}}, 300ms).get();
    REQUIRE(!end);
    why = std::move(end.error());
  }
  REQUIRE(why.stacks);
  auto text = tool_stack(*why.stacks);
  CHECK_MESSAGE(text.find("coroutines.py") != std::string::npos, text);
  CHECK(text.find(" in nap") != std::string::npos);
}

TEST_CASE_FIXTURE(async_fixture, "a coroutine that refuses has its worker leave [Q5]") {
  auto uut = impatient();
  auto before = pid_of(uut);
  auto neighbours = begin_many(uut, 5, "nap", value{{"seconds", 2.5}});
  auto stuck = begin(uut, "stuck", value::map{}, 1s);
  CHECK(end_of(stuck) == "deadline_exceeded");
  for (auto& x : neighbours)
    CHECK(end_of(x) == "ok");
  auto until = std::chrono::steady_clock::now() + 20s;
  while (pid_of(uut) == before && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(50ms);
  CHECK(pid_of(uut) != before);
}

TEST_CASE_FIXTURE(async_fixture, "a crash costs what ran, and names what was executed [Q7, W9]") {
  auto uut = impatient();
  auto done = begin_many(uut, 10, "pid");
  for (auto& x : done)
    CHECK(end_of(x) == "ok");
  auto calls = begin_many(uut, 3, "nap", value{{"seconds", 30.0}});
  std::this_thread::sleep_for(1s);
  auto dying = begin(uut, "die");
  calls.push_back(std::move(dying));
  for (auto& x : calls) {
    auto end = x.get();
    REQUIRE(!end);
    CHECK(end.error().reason == reason::worker_crashed);
    auto& certificate = *end.error().certificate;
    CHECK(certificate.signal_name == "SIGABRT");
    CHECK(certificate.running_tool == "die");
    CHECK(certificate.running.size() == 4);
    CHECK(tool_stack(certificate.stacks).find(" in die") != std::string::npos);
  }
  CHECK(end_of(done.emplace_back(begin(uut, "pid"))) == "ok");
}

TEST_CASE_FIXTURE(async_fixture, "an adapter that is not made for a loop fails the pool [W5]") {
  auto plain = coroutines(1);
  plain.adapter = SNAKEPIT_SOURCE_ROOT "/tests/public/adapter.py";
  auto uut = runtime_fixture::start({plain});
  auto ready = uut.await_ready();
  REQUIRE(!ready);
  CHECK(ready.error().reason == reason::pool_failed);
  CHECK(ready.error().details.at("cause") == "worker_start_failed");
  CHECK(ready.error().details.at("phase") == "thread_safe");
  CHECK(ready.error().message.find("async def") != std::string::npos);
  CHECK(ready.error().message.find("thread_safe = True") != std::string::npos);
}

TEST_CASE_FIXTURE(async_fixture, "a worker with a loop is replaced without a call lost [L1, L2]") {
  auto pool = coroutines(1);
  pool.recycle.max_calls = 50;
  pool.recycle.jitter = 0;
  auto uut = runtime_fixture::start({pool});
  auto failed = size_t{0};
  for (int round = 0; round < 5; ++round)
    for (auto& x : begin_many(uut, 60, "nap", value{{"seconds", 0.02}}))
      failed += end_of(x) != "ok";
  CHECK(failed == 0);
  CHECK(uut.stats().at(0).worker_exits == 0);
}

TEST_CASE_FIXTURE(async_fixture, "a worker with a loop has one thread for numbers [W5]") {
  auto uut = runtime_fixture::start({coroutines(1)});
  CHECK(uut.execute("environment", value{{"name", "OMP_NUM_THREADS"}}).value() == value{"1"});
}

TEST_SUITE_END();
