#include "runtime_fixture.hpp"

#include "tests/support/eventually.hpp"

#include <future>

using namespace snakepit;
using namespace std::chrono_literals;

/// Circuits, tainted slots and pools that crash often, with real workers.

namespace {

struct broken_fixture : runtime_fixture {
  pool_config breakable(size_t workers) const {
    auto x = pool("default", workers, SNAKEPIT_SOURCE_ROOT "/tests/public/breaker.py");
    x.restart.backoff = {0ms};
    x.poison.enabled = false;
    return x;
  }

  static value how(const char* x, double seconds = 0) {
    return value{{"how", x}, {"seconds", seconds}};
  }

  static std::string end_of(runtime& x, const char* how_it_ends, const char* tool = "work") {
    auto end = tool == std::string{"work"} ? x.execute(tool, how(how_it_ends))
                                           : x.execute(tool, value{value::map{}});
    return end ? "ok" : std::string{to_string(end.error().reason)};
  }

  static circuit_stats circuit(runtime& x, const std::string& tool) {
    auto now = x.stats()[0];
    for (auto& one : now.circuits)
      if (one.tool == tool)
        return one;
    return {};
  }

  static std::string taint_of(runtime& x, uint32_t slot) {
    auto now = x.stats()[0];
    for (auto& one : now.workers)
      if (one.slot == slot)
        return one.tainted;
    return "no worker";
  }

  /// The pid of the ready worker in a slot.
  static value pid_of(runtime& x, uint32_t slot) {
    auto out = int64_t{0};
    auto there = test::eventually(10s, [&] {
      auto now = x.stats()[0];
      for (auto& one : now.workers)
        if (one.slot == slot && one.state == "ready")
          out = one.pid;
      return out != 0;
    });
    CHECK(there);
    return value{out};
  }
};

} // namespace

TEST_SUITE_BEGIN("public breaker");

TEST_CASE_FIXTURE(broken_fixture, "a tool that crashes opens the circuit, a trial closes it [F2]") {
  auto x = breakable(1);
  x.breaker = {.enabled = true, .failures = 2, .reset = 5s, .half_open = 1};
  auto uut = start({x});
  CHECK(end_of(uut, "crash") == "worker_crashed");
  CHECK(end_of(uut, "crash") == "worker_crashed");
  auto refused = uut.execute("work", how("well"));
  REQUIRE(!refused);
  CHECK(refused.error().reason == reason::circuit_open);
  CHECK(refused.error().retryable);
  auto left = refused.error().details.at("retry_after");
  CHECK(left.ends_with("ms"));
  CHECK(std::stoi(left) <= 5000);
  CHECK(std::stoi(left) > 0);
  CHECK(circuit(uut, "").state == "open");
  CHECK(circuit(uut, "work").state == "open");
  REQUIRE(uut.await_ready());
  CHECK(test::eventually(30s, [&] { return circuit(uut, "").state == "half_open"; }));
  CHECK(end_of(uut, "crash") == "worker_crashed"); // a trial that fails
  CHECK(end_of(uut, "well") == "circuit_open");
  CHECK(test::eventually(30s, [&] { return circuit(uut, "work").state == "half_open"; }));
  CHECK(end_of(uut, "well") == "ok");
  CHECK(circuit(uut, "").state == "closed");
  CHECK(circuit(uut, "work").state == "closed");
  CHECK(end_of(uut, "well") == "ok");
}

TEST_CASE_FIXTURE(broken_fixture,
                  "exceptions in a row close one tool; the pool's others are served [F2]") {
  auto x = breakable(2);
  x.breaker = {.enabled = true, .failures = 3, .reset = 1h, .half_open = 1};
  auto uut = start({x});
  for (int round = 0; round < 2; ++round) { // a success in between closes the row
    CHECK(end_of(uut, "raise") == "python_exception");
    CHECK(end_of(uut, "raise") == "python_exception");
    CHECK(end_of(uut, "well") == "ok");
  }
  for (int i = 0; i < 3; ++i)
    CHECK(end_of(uut, "raise") == "python_exception");
  CHECK(end_of(uut, "well") == "circuit_open");
  CHECK(end_of(uut, "", "other") == "ok");
  CHECK(uut.stats()[0].rejected.at("circuit_open") == 1);
  CHECK(circuit(uut, "").state == "closed");
}

TEST_CASE_FIXTURE(broken_fixture,
                  "a tainted slot gets calls only if the others are full, and is cleared [F3]") {
  auto x = breakable(2);
  x.crash_barrier.clear_after = 3;
  auto uut = start({x});
  REQUIRE(uut.await_started());
  auto crashed = uut.execute("work", how("crash"));
  REQUIRE(!crashed);
  auto slot = crashed.error().certificate->slot; // where it ran, whichever that is
  CHECK(taint_of(uut, slot) == "segfault");
  CHECK(taint_of(uut, 1 - slot).empty());
  auto tainted = pid_of(uut, slot);
  auto sound = pid_of(uut, 1 - slot);
  for (int i = 0; i < 10; ++i)
    CHECK(uut.execute("work", how("well")).value() == sound);
  auto long_one = uut.execute_async("work", how("well", 5));
  CHECK(test::eventually(10s, [&] { return uut.stats()[0].busy == 1; }));
  for (int i = 0; i < 3; ++i) // the other is full
    CHECK(uut.execute("work", how("well", 0.01)).value() == tainted);
  CHECK(taint_of(uut, slot).empty());
  CHECK(long_one.future.get().value() == sound);
}

TEST_CASE_FIXTURE(broken_fixture,
                  "a pool that crashes often is degraded, ready to be called, and ready again "
                  "[F5, P3]") {
  auto x = breakable(3);
  x.health = {.window = 10s, .crashes = 2};
  auto uut = start({x});
  REQUIRE(uut.await_started());
  CHECK(end_of(uut, "exit") == "worker_crashed");
  CHECK(uut.stats()[0].state == "ready");
  CHECK(end_of(uut, "exit") == "worker_crashed");
  CHECK(uut.stats()[0].state == "degraded");
  CHECK(uut.stats()[0].degraded_by == "crashes");
  CHECK(uut.await_ready("default", 5s));
  CHECK(end_of(uut, "well") == "ok");
  CHECK(test::eventually(60s, [&] { return uut.stats()[0].state == "ready"; }));
}

TEST_CASE_FIXTURE(broken_fixture, "what calls took is told in percentiles [P6]") {
  auto uut = start({breakable(1)});
  REQUIRE(uut.await_ready());
  for (int i = 0; i < 20; ++i)
    CHECK(uut.execute("work", how("well", 0.01)));
  auto late = call_options{};
  late.timeout = 1s;
  CHECK(!uut.execute("work", how("well", 30), late));
  auto s = uut.stats()[0];
  CHECK(s.total.calls == 21);
  CHECK(s.total.p50 >= 10ms);
  CHECK(s.total.p50 <= s.total.p90);
  CHECK(s.total.p90 <= s.total.p99);
  CHECK(s.total.p99 >= 1s);
  CHECK(s.queue_wait.calls == 21);
  CHECK(s.queue_wait.p50 < s.total.p50);
  CHECK(s.timeouts == 1);
  CHECK(s.errors_by_category.at("timeout") == 1);
}

TEST_SUITE_END();
