#include "runtime_fixture.hpp"

#include <future>
#include <mutex>

using namespace snakepit;

TEST_SUITE_BEGIN("lanes of real workers");

namespace {

/// Submits calls of one tool; what each ended with, in the order of the ends.
std::vector<std::pair<size_t, outcome>> run_all(runtime& x, const std::string& tool,
                                                std::vector<arguments> calls) {
  auto mutex = std::mutex{};
  auto ends = std::vector<std::pair<size_t, outcome>>{};
  auto all = std::promise<void>{};
  auto n = calls.size();
  x.submit_many(tool, std::move(calls), {}, [&](size_t i, outcome end) {
    auto guard = std::unique_lock{mutex};
    ends.emplace_back(i, std::move(end));
    auto is_last = ends.size() == n;
    guard.unlock(); // the mutex is gone when the last end is told
    if (is_last)
      all.set_value();
  });
  all.get_future().get();
  return ends;
}

} // namespace

TEST_CASE_FIXTURE(runtime_fixture, "a crash in the middle of a batch costs one call [Q7]") {
  auto uut = start({pool("default", 1)});
  auto calls = std::vector<arguments>{};
  for (int i = 0; i < 300; ++i)
    calls.emplace_back(value{{"x", i}, {"at", -1}});
  run_all(uut, "die_at", calls); // it is known as short then
  for (int i = 0; i < 300; ++i)
    calls[static_cast<size_t>(i)] = value{{"x", i}, {"at", 50}};
  auto lost = size_t{0};
  for (auto& [i, end] : run_all(uut, "die_at", calls)) {
    if (end) {
      CHECK(end->text() == std::to_string(i));
      continue;
    }
    ++lost;
    CHECK(i == 50);
    CHECK(end.error().reason == reason::worker_crashed);
  }
  CHECK(lost == 1);
}

TEST_CASE_FIXTURE(runtime_fixture, "no short call waits for a long one on the same lane [P4, Q7]") {
  auto uut = start({pool("default", 2)});
  REQUIRE(uut.await_started());
  auto calls = std::vector<arguments>(400, value{{"seconds", 0}});
  run_all(uut, "sleep", calls); // it is known as short then
  calls[7] = value{{"seconds", 6}};
  auto ends = run_all(uut, "sleep", calls);
  CHECK(ends.back().first == 7);
  for (auto& [i, end] : ends)
    CHECK(end);
}

TEST_SUITE_END();
