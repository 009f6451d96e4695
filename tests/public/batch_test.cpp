#include "tests/support/batch_ends.hpp"
#include "tests/support/shuffled_pool.hpp"

#include <snakepit/batch.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <ctime>
#include <future>
#include <set>
#include <stdexcept>
#include <thread>

using namespace snakepit;
using namespace std::chrono_literals;

/// Batches with a pool of the test's own.

namespace {

/// Of this thread.
std::chrono::nanoseconds processor_time() {
  auto x = timespec{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &x);
  return std::chrono::seconds{x.tv_sec} + std::chrono::nanoseconds{x.tv_nsec};
}

outcome same(const std::string& text, unsigned) {
  return payload{false, text};
}

} // namespace

TEST_SUITE_BEGIN("batches");

TEST_CASE("each item has its end, in order or as they come [F6]") {
  for (auto ordered : {true, false})
    for (unsigned seed = 1; seed <= 4; ++seed) {
      CAPTURE(ordered);
      CAPTURE(seed);
      shuffled_pool pool{same, seed};
      seen_ends seen;
      batch_options options;
      options.ordered = ordered;
      auto report = run_batch(pool.submit(), numbers(5000), options, seen.sink());
      CHECK(report.succeeded == 5000);
      CHECK(report.complete);
      CHECK(report.abandoned + report.failed + report.not_started == 0);
      REQUIRE(seen.order.size() == 5000);
      CHECK((seen.in_order() || !ordered));
      for (auto& [index, text] : seen.texts)
        CHECK(text == std::to_string(index));
    }
}

TEST_CASE("nothing is nothing [F6]") {
  shuffled_pool pool{same};
  seen_ends seen;
  auto report = run_batch(pool.submit(), numbers(0), {}, seen.sink());
  CHECK(report.complete);
  CHECK(seen.order.empty());
}

TEST_CASE("concurrency is neither more nor less than was said [F6]") {
  for (size_t n : {1, 7, 100}) {
    shuffled_pool pool{same};
    pool.hold(true);
    batch_options options;
    options.concurrency = n;
    auto end = std::async(std::launch::async, [&] {
      return run_batch(pool.submit(), numbers(1000), options, [](uint64_t, outcome) {});
    });
    auto until = std::chrono::steady_clock::now() + 10s;
    while (pool.waiting() < n && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(1ms);
    CHECK(pool.waiting() == n);
    pool.hold(false);
    CHECK(end.get().succeeded == 1000);
    CHECK(pool.most_at_once() <= n);
  }
}

TEST_CASE("memory is bounded: an endless source is asked for no more than fits [F6]") {
  shuffled_pool pool{same};
  pool.hold(true);
  std::atomic<uint64_t> given{0};
  batch_options options;
  options.limits.bytes = 10'000;
  options.limits.floor = 1000;
  auto source = [&](batch_item& to, bool) {
    to.args = json_text{std::string(1000, '1')};
    ++given;
    return batch_pull::item;
  };
  auto end = std::async(std::launch::async, [&] {
    return run_batch(pool.submit(), source, options, [](uint64_t, outcome) {});
  });
  auto until = std::chrono::steady_clock::now() + 10s;
  while (pool.waiting() < 10 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(50ms);
  CHECK(given < 2500); // a chunk is gathered before it is seen that it does not fit
  CHECK(pool.waiting() < 1500);
  options.handle.stop();
  pool.hold(false);
  auto report = end.get();
  CHECK(!report.complete);
  CHECK(report.succeeded + report.not_started == given);
}

TEST_CASE("errors are told with their items and stop the batch at the limit [F6]") {
  auto answer = [](const std::string& text, unsigned) -> outcome {
    if (std::stoi(text) % 10 == 9)
      return fail(reason::python_exception, "no " + text);
    return payload{false, text};
  };
  shuffled_pool pool{answer};
  seen_ends seen;
  batch_options options;
  options.max_errors = 5;
  auto report = run_batch(pool.submit(), numbers(1'000'000), options, seen.sink());
  CHECK(!report.complete);
  CHECK(report.failed >= 5);
  CHECK(report.succeeded < 100'000);
  REQUIRE(report.first_errors.size() >= 5);
  CHECK(report.first_errors[0].index == 9);
  CHECK(report.first_errors[4].index == 49);
  CHECK(report.first_errors[4].why.message == "no 49");
  CHECK(seen.in_order());
  CHECK(seen.order.size() == report.succeeded + report.failed);
}

TEST_CASE("an item without arguments fails in its place [F6]") {
  shuffled_pool pool{same};
  seen_ends seen;
  auto source = [i = 0](batch_item& to, bool) mutable {
    if (i == 3)
      return batch_pull::end;
    if (i++ == 1)
      to.args = fail(reason::invalid_argument, "no such line");
    else
      to.args = json_text{"7"};
    return batch_pull::item;
  };
  auto report = run_batch(pool.submit(), source, {}, seen.sink());
  CHECK(report.complete);
  CHECK(seen.failed == std::set<uint64_t>{1});
  CHECK(seen.order == std::vector<uint64_t>{0, 1, 2});
}

TEST_CASE("what is retryable is tried again, in its place [F6]") {
  auto answer = [](const std::string& text, unsigned attempt) -> outcome {
    if (text == "5" && attempt < 2)
      return fail(reason::pool_saturated, "full");
    return payload{false, text};
  };
  shuffled_pool pool{answer};
  seen_ends seen;
  auto report = run_batch(pool.submit(), numbers(20), {}, seen.sink());
  CHECK(report.succeeded == 20);
  CHECK(report.retried == 2);
  CHECK(seen.in_order());
  batch_options once;
  once.retries = 0;
  shuffled_pool other{answer};
  CHECK(run_batch(other.submit(), numbers(20), once, [](uint64_t, outcome) {}).failed == 1);
}

TEST_CASE("stopped it ends what it has begun, abandoned it drops it [F6]") {
  for (auto abandons : {false, true}) {
    CAPTURE(abandons);
    shuffled_pool pool{same};
    pool.hold(true);
    seen_ends seen;
    batch_options options;
    options.concurrency = 10;
    auto end = std::async(std::launch::async, [&] {
      return run_batch(pool.submit(), numbers(1'000'000), options, seen.sink());
    });
    while (pool.waiting() < 10)
      std::this_thread::sleep_for(1ms);
    if (abandons)
      options.handle.abandon();
    else
      options.handle.stop();
    if (abandons)
      CHECK(end.wait_for(10s) == std::future_status::ready);
    else
      CHECK(end.wait_for(50ms) == std::future_status::timeout);
    pool.hold(false);
    auto report = end.get();
    CHECK(!report.complete);
    CHECK(report.succeeded == (abandons ? 0 : 10));
    CHECK(report.abandoned == (abandons ? 10 : 0));
    CHECK(seen.order.size() == report.succeeded);
  }
}

TEST_CASE("a batch whose handle was stopped before begins nothing [F6]") {
  shuffled_pool pool{same};
  batch_options options;
  options.handle.stop();
  auto report = run_batch(pool.submit(), numbers(10), options, [](uint64_t, outcome) {});
  CHECK(report.succeeded == 0);
  CHECK(!report.complete);
  CHECK(options.handle.stopped());
  CHECK(!options.handle.abandoned());
}

TEST_CASE("a source or a sink that throws ends the batch and nothing else [F6]") {
  shuffled_pool pool{same};
  auto source = [i = 0](batch_item& to, bool) mutable {
    if (i++ == 100)
      throw std::runtime_error{"the disk is gone"};
    to.args = json_text{"1"};
    return batch_pull::item;
  };
  seen_ends seen;
  auto report = run_batch(pool.submit(), source, {}, seen.sink());
  CHECK(!report.complete);
  REQUIRE(report.failure);
  CHECK(report.failure->message.find("the disk is gone") != std::string::npos);
  CHECK(report.succeeded + report.not_started == 100);
  auto bad_sink = [](uint64_t index, outcome) {
    if (index == 50)
      throw std::runtime_error{"full"};
  };
  CHECK_THROWS_AS(run_batch(pool.submit(), numbers(1'000'000), {}, bad_sink), std::runtime_error);
}

TEST_CASE("what is at hand does not wait for a source that has nothing [F6]") {
  shuffled_pool pool{same};
  std::promise<void> first_end;
  std::atomic<int> settled{0};
  batch_options options;
  options.settled = [&] { ++settled; };
  auto source = [&, i = 0](batch_item& to, bool wait) mutable {
    if (i == 0) {
      ++i;
      to.args = json_text{"1"};
      return batch_pull::item;
    }
    if (!wait)
      return batch_pull::later;
    first_end.get_future().wait();
    return batch_pull::end;
  };
  auto report =
    run_batch(pool.submit(), source, options, [&](uint64_t, outcome) { first_end.set_value(); });
  CHECK(report.succeeded == 1);
  CHECK(settled >= 1);
}

TEST_CASE("calls that cannot be made end the batch with that [F6]") {
  shuffled_pool pool{same};
  auto submit = [&, made = 0](auto args, auto done) mutable {
    if (++made == 3)
      throw std::runtime_error{"no more calls"};
    pool.submit()(std::move(args), std::move(done));
  };
  seen_ends seen;
  batch_options options;
  options.concurrency = 10;
  auto report = run_batch(submit, numbers(1'000'000), options, seen.sink());
  CHECK(!report.complete);
  REQUIRE(report.failure);
  CHECK(report.failure->message.find("no more calls") != std::string::npos);
  CHECK(report.abandoned > 0);
  CHECK(report.succeeded == seen.order.size());
  CHECK(report.succeeded <= 20);
}

TEST_CASE("a source that may wait for long hears of the end [F6]") {
  auto answer = [](const std::string&, unsigned) -> outcome {
    return fail(reason::python_exception, "no");
  };
  shuffled_pool pool{answer};
  auto source = [i = 0](batch_item& to, bool wait) mutable {
    if (i++ == 0) {
      to.args = json_text{"1"};
      return batch_pull::item;
    }
    if (wait)
      std::this_thread::sleep_for(10ms); // as who looks whether there is something
    return batch_pull::later;
  };
  batch_options options;
  options.max_errors = 1;
  auto report = run_batch(pool.submit(), source, options, [](uint64_t, outcome) {});
  CHECK(report.failed == 1);
  CHECK(!report.complete);
}

TEST_CASE("options serve for more than one batch, whatever became of the first [F6]") {
  auto answer = [](const std::string& text, unsigned) -> outcome {
    if (text == "7")
      return fail(reason::python_exception, "no 7");
    return payload{false, text};
  };
  shuffled_pool pool{answer};
  batch_options options;
  options.max_errors = 1;
  auto drop = [](uint64_t, outcome) {};
  CHECK(!run_batch(pool.submit(), numbers(1'000'000), options, drop).complete);
  CHECK(!options.handle.stopped());
  auto report = run_batch(pool.submit(), numbers(7), options, drop);
  CHECK(report.succeeded == 7);
  CHECK(report.complete);
}

TEST_CASE("progress that is never due is told at the end [F6]") {
  shuffled_pool pool{same};
  batch_options options;
  options.progress_interval = infinite;
  auto told = 0;
  options.progress = [&](const batch_progress& x) {
    ++told;
    CHECK(x.succeeded == 5000);
  };
  pool.hold(true);
  auto later = std::thread{[&] {
    std::this_thread::sleep_for(500ms);
    pool.hold(false);
  }};
  auto begun = processor_time();
  CHECK(run_batch(pool.submit(), numbers(5000), options, [](uint64_t, outcome) {}).complete);
  CHECK(processor_time() - begun < 300ms); // it waits, and does not look again and again
  CHECK(told == 1);
  later.join();
}
