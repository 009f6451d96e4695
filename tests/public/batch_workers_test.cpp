#include "runtime_fixture.hpp"
#include "tests/support/batch_ends.hpp"

#include <snakepit/batch.hpp>

#include <doctest/doctest.h>

#include <set>
#include <vector>

using namespace snakepit;
using namespace std::chrono_literals;

/// Batches on real Python workers.

namespace {

struct batch_fixture : runtime_fixture {
  pool_config batches(size_t workers) const {
    return pool("default", workers, SNAKEPIT_SOURCE_ROOT "/tests/public/batch.py");
  }
};

} // namespace

TEST_SUITE_BEGIN("batches");

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

TEST_CASE_FIXTURE(batch_fixture, "concurrency above what the queue takes refuses nothing "
                                 "[F6, Q1]") {
  auto small = batches(1);
  small.queue.max_calls = 20;
  auto uut = start({small});
  batch_options options;
  options.concurrency = 1000;
  options.retries = 0;
  auto items = std::vector<arguments>(2000, value{{"x", 3}});
  auto report = run_batch(uut, "square", std::move(items), options, [](uint64_t, outcome) {});
  CHECK(report.succeeded == 2000);
  CHECK(report.failed == 0);
}
