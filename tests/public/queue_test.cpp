#include "runtime_fixture.hpp"

#include <snakepit/runtime.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

using namespace snakepit;
using namespace std::chrono_literals;

/// The bounds of the queue, with real Python workers.

namespace {

/// Ends of calls, awaited together.
class ends_of_calls {
public:
  std::function<void(outcome)> next() {
    auto guard = std::lock_guard{mutex_};
    ++open_;
    return [this](outcome x) {
      auto inner = std::lock_guard{mutex_};
      --open_;
      (x ? good_ : bad_) += 1;
      if (!x)
        last_ = std::move(x.error());
      changed_.notify_all();
    };
  }
  void await() {
    auto guard = std::unique_lock{mutex_};
    REQUIRE(changed_.wait_for(guard, 60s, [this] { return open_ == 0; }));
  }
  size_t good() {
    auto guard = std::lock_guard{mutex_};
    return good_;
  }
  size_t bad() {
    auto guard = std::lock_guard{mutex_};
    return bad_;
  }
  error last() {
    auto guard = std::lock_guard{mutex_};
    return last_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t open_ = 0;
  size_t good_ = 0;
  size_t bad_ = 0;
  error last_;
};

value sleep_for_seconds(double x) {
  return {{"seconds", x}};
}

} // namespace

TEST_SUITE_BEGIN("queue");

TEST_CASE_FIXTURE(runtime_fixture, "the queue holds no more bytes than it may [Q1]") {
  auto small = pool("default", 1);
  small.limits.inline_bytes = 500'000;
  small.queue.max_bytes = 1'000'000;
  auto uut = start({small});
  REQUIRE(uut.await_ready());
  REQUIRE(uut.execute("sleep", sleep_for_seconds(0.05))); // so that it is foreseen to be long
  ends_of_calls ends;
  uut.execute_async("sleep", sleep_for_seconds(5), {}, ends.next());
  auto big = value{{"x", std::string(300'000, 'x')}};
  for (int i = 0; i < 6; ++i)
    uut.execute_async("echo", big, {}, ends.next());
  // One or two may be with the worker; three fit in the queue.
  auto stats = uut.stats().front();
  CHECK(stats.queued_bytes <= 1'000'000);
  CHECK(stats.queued_bytes >= 600'000);
  CHECK(stats.rejected.at("pool_saturated") >= 1);
  // What is small fits between.
  uut.execute_async("echo", value{{"x", 1}}, {}, ends.next());
  ends.await();
  CHECK(ends.good() + ends.bad() == 8);
  CHECK(ends.bad() >= 1);
  CHECK(ends.bad() <= 3);
  CHECK(ends.last().reason == reason::pool_saturated);
  CHECK(uut.stats().front().queued_bytes == 0);
  // Once there is room the same is taken.
  CHECK(uut.execute("echo", big));
}

TEST_CASE_FIXTURE(runtime_fixture, "retry_after says about when there is room again [Q1]") {
  auto small = pool("default", 2);
  small.queue.max_calls = 20;
  auto uut = start({small});
  REQUIRE(uut.await_started());
  constexpr auto each = 0.05;
  auto fits = false;
  for (int round = 0; round < 5 && !fits; ++round) { // what else runs may hold up one of them
    for (int i = 0; i < 15; ++i)                     // the pool learns how long they take
      REQUIRE(uut.execute("sleep", sleep_for_seconds(each)));
    ends_of_calls ends;
    auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 40; ++i)
      uut.execute_async("sleep", sleep_for_seconds(each), {}, ends.next());
    ends.await();
    std::chrono::duration<double, std::milli> drained = std::chrono::steady_clock::now() - begin;
    REQUIRE(ends.bad() >= 1);
    REQUIRE(ends.last().reason == reason::pool_saturated);
    CHECK(ends.last().retryable);
    auto text = ends.last().details.at("retry_after");
    REQUIRE(text.ends_with("ms"));
    auto said = std::stod(text);
    MESSAGE("said " << said << " ms, took " << drained.count() << " ms");
    fits = said >= drained.count() / 3 && said <= drained.count() * 3;
  }
  CHECK(fits);
}
