#include "runtime_fixture.hpp"

#include <snakepit/batch.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>

using namespace snakepit;
using namespace std::chrono_literals;

/// Batches: with a pool of the test's own, and with real Python workers.

namespace {

/// Ends calls on a thread of its own, in an order from a seed.
class shuffled_pool {
public:
  using answer_function = std::function<outcome(const std::string& text, unsigned attempt)>;

  explicit shuffled_pool(answer_function f, unsigned seed = 1)
    : answer_{std::move(f)}, random_{seed}, thread_{[this] { serve(); }} {}

  ~shuffled_pool() {
    {
      std::lock_guard lock{mutex_};
      ended_ = true;
    }
    there_.notify_all();
    thread_.join();
  }

  batch_submit submit() {
    return [this](std::vector<arguments> args, std::function<void(size_t, outcome)> done) {
      std::lock_guard lock{mutex_};
      for (size_t i = 0; i < args.size(); ++i)
        calls_.push_back({std::get<json_text>(args[i]).text, i, done});
      most_ = std::max(most_, calls_.size());
      there_.notify_all();
    };
  }

  /// Answers nothing until it is let go.
  void hold(bool x) {
    std::lock_guard lock{mutex_};
    held_ = x;
    there_.notify_all();
  }

  size_t waiting() {
    std::lock_guard lock{mutex_};
    return calls_.size();
  }

  size_t most_at_once() {
    std::lock_guard lock{mutex_};
    return most_;
  }

private:
  struct pending {
    std::string text;
    size_t index;
    std::function<void(size_t, outcome)> done;
  };

  void serve() {
    std::unique_lock lock{mutex_};
    for (;;) {
      there_.wait(lock, [this] { return ended_ || (!held_ && !calls_.empty()); });
      if (ended_)
        return;
      std::swap(calls_[random_() % calls_.size()], calls_.back());
      auto call = std::move(calls_.back());
      calls_.pop_back();
      auto attempt = attempts_[call.text]++;
      lock.unlock();
      call.done(call.index, answer_(call.text, attempt));
      lock.lock();
    }
  }

  answer_function answer_;
  std::mt19937 random_;
  std::mutex mutex_;
  std::condition_variable there_;
  std::vector<pending> calls_;
  std::map<std::string, unsigned> attempts_;
  size_t most_ = 0;
  bool held_ = false;
  bool ended_ = false;
  std::thread thread_;
};

outcome same(const std::string& text, unsigned) {
  return payload{false, text};
}

/// The numbers from 0 to n - 1.
batch_source numbers(uint64_t n) {
  return [n, i = uint64_t{0}](batch_item& to, bool) mutable {
    if (i == n)
      return batch_pull::end;
    to.args = json_text{std::to_string(i++)};
    return batch_pull::item;
  };
}

/// Sees that each index comes once, and with what belongs to it.
struct seen_ends {
  std::vector<uint64_t> order;
  std::map<uint64_t, std::string> texts;
  std::set<uint64_t> failed;

  batch_sink sink() {
    return [this](uint64_t index, outcome end) {
      order.push_back(index);
      if (end)
        CHECK(texts.emplace(index, end->text()).second);
      else
        CHECK(failed.insert(index).second);
    };
  }
  bool in_order() const {
    return std::is_sorted(order.begin(), order.end());
  }
};

struct batch_fixture : runtime_fixture {
  pool_config batches(size_t workers) const {
    return pool("default", workers, SNAKEPIT_SOURCE_ROOT "/tests/public/batch.py");
  }
};

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

TEST_CASE_FIXTURE(batch_fixture, "a batch on real workers, in order, with progress [F6]") {
  auto uut = start({batches(2)});
  REQUIRE(uut.await_ready());
  seen_ends seen;
  auto told = std::vector<batch_progress>{};
  batch_options options;
  options.progress_interval = 50ms;
  options.progress = [&](const batch_progress& x) { told.push_back(x); };
  auto report = run_batch(
    uut, "jump",
    [i = 0]() mutable -> std::optional<arguments> {
      if (i == 400)
        return std::nullopt;
      return value{{"x", i++}};
    },
    options, seen.sink());
  CHECK(report.succeeded == 400);
  CHECK(report.complete);
  CHECK(seen.in_order());
  CHECK(seen.texts.at(399) == "399");
  REQUIRE(told.size() >= 2);
  CHECK(told.back().succeeded == 400);
  CHECK(told.back().under_way == 0);
  CHECK(told.front().succeeded < 400);
  CHECK(report.elapsed > 200ms);
}

TEST_CASE_FIXTURE(batch_fixture, "a vector of many is more than the queue holds at once [F6, Q1]") {
  auto small = batches(2);
  small.queue.max_calls = 50;
  auto uut = start({small});
  auto items = std::vector<arguments>{};
  for (int i = 0; i < 20'000; ++i)
    items.push_back(json_text{"{\"x\": " + std::to_string(i) + "}"});
  seen_ends seen;
  auto report = run_batch(uut, "square", std::move(items), {}, seen.sink());
  CHECK(report.succeeded == 20'000);
  CHECK(report.failed == 0);
  CHECK(seen.texts.at(19'999) == "399960001");
  CHECK(uut.stats().front().rejected.empty());
}

TEST_CASE_FIXTURE(batch_fixture, "items that fail, and one that kills its worker, cost themselves "
                                 "[F6, Q7]") {
  auto uut = start({batches(2)});
  seen_ends seen;
  auto items = std::vector<arguments>{};
  for (int i = 0; i < 1000; ++i)
    items.push_back(value{{"x", i}});
  batch_options options;
  options.ordered = false;
  auto report = run_batch(uut, "odd", items, options, seen.sink());
  CHECK(report.succeeded == 500);
  CHECK(report.failed == 500);
  CHECK(report.complete);
  CHECK(report.first_errors.size() == batch_errors_kept);
  for (auto index : seen.failed)
    CHECK(index % 2 == 0);
  seen = {};
  for (int i = 0; i < 1000; ++i)
    items[static_cast<size_t>(i)] = value{{"x", i}, {"at", 500}};
  report = run_batch(uut, "die_at", items, {}, seen.sink());
  CHECK(report.succeeded == 999);
  CHECK(seen.failed == std::set<uint64_t>{500});
  CHECK(seen.in_order());
}

TEST_CASE_FIXTURE(batch_fixture, "a stop keeps what has ended [F6]") {
  auto uut = start({batches(2)});
  REQUIRE(uut.await_ready());
  batch_options options;
  auto items = std::vector<arguments>(10'000, value{{"seconds", 0.01}});
  auto ended = uint64_t{0};
  auto report = run_batch(uut, "sleep", std::move(items), options, [&](uint64_t, outcome end) {
    REQUIRE(end);
    if (++ended == 20)
      options.handle.stop();
  });
  CHECK(report.succeeded == ended);
  CHECK(ended < 200);
  CHECK(report.succeeded + report.not_started == 10'000);
  CHECK(report.elapsed < 10s);
}

TEST_CASE_FIXTURE(batch_fixture, "a pool that does not exist ends every item with that [F6]") {
  auto uut = start({batches(1)});
  batch_options options;
  options.call.pool = "nowhere";
  options.max_errors = 1;
  auto report = run_batch(uut, "square", std::vector<arguments>(10, value{{"x", 1}}), options,
                          [](uint64_t, outcome) {});
  CHECK(report.succeeded == 0);
  REQUIRE(!report.first_errors.empty());
  CHECK(report.first_errors[0].why.reason == reason::pool_not_found);
}
