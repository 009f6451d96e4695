#include "runtime_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

using namespace snakepit;
using namespace std::chrono_literals;

/// Ten times what a pool can do is asked of it.

namespace {

using overload_clock = std::chrono::steady_clock;

/// SNAKEPIT_OVERLOAD=n seconds, else 5.
std::chrono::seconds overload_time() {
  auto* text = std::getenv("SNAKEPIT_OVERLOAD");
  return std::chrono::seconds{text ? std::atoi(text) : 5};
}

/// Resident bytes of this process.
size_t resident() {
  auto file = std::ifstream{"/proc/self/statm"};
  auto total = size_t{0}, pages = size_t{0};
  file >> total >> pages;
  return pages * 4096;
}

/// How calls have ended.
struct overload_tally {
  std::atomic<size_t> offered{0};
  std::atomic<size_t> answered{0};
  std::atomic<size_t> ok{0};
  std::mutex mutex;
  std::map<reason, size_t> errors;
  std::vector<duration> refusals; // how long they took

  void note(const outcome& x, overload_clock::time_point since) {
    if (x) {
      ++ok;
    } else {
      auto guard = std::lock_guard{mutex};
      ++errors[x.error().reason];
      refusals.push_back(overload_clock::now() - since);
    }
    ++answered;
  }
};

void offer(runtime& uut, const std::shared_ptr<overload_tally>& to) {
  auto begun = overload_clock::now();
  ++to->offered;
  uut.execute_async("work", value{{"seconds", 0.005}}, {},
                    [to, begun](const outcome& x) { to->note(x, begun); });
}

/// Calls a second that end well while some always wait.
double capacity_of(runtime& uut) {
  auto tally = std::make_shared<overload_tally>();
  auto begun = overload_clock::now();
  while (overload_clock::now() - begun < 1s) {
    while (tally->offered - tally->answered < 16)
      offer(uut, tally);
    std::this_thread::sleep_for(200us);
  }
  auto ok = tally->ok.load();
  while (tally->answered < tally->offered)
    std::this_thread::sleep_for(1ms);
  CHECK(tally->errors.empty());
  return static_cast<double>(ok);
}

} // namespace

TEST_SUITE_BEGIN("overload");

TEST_CASE_FIXTURE(runtime_fixture,
                  "ten times too much is refused at once, and what fits is done [RL-7, Q1]") {
  auto cfg = pool("default", 2, SNAKEPIT_SOURCE_ROOT "/tests/public/recycle.py");
  cfg.queue.max_calls = 100;
  auto uut = start({cfg});
  REQUIRE(uut.await_started({}, 60s));
  auto holds = false;
  auto saturated = uint64_t{0};
  for (int round = 0; round < 3 && !holds; ++round) {
    auto before = capacity_of(uut);
    auto memory = resident();
    auto tally = std::make_shared<overload_tally>();
    auto begun = overload_clock::now();
    auto until = begun + overload_time();
    // As many as should have been offered by now, so that a busy machine does not ease the load.
    while (overload_clock::now() < until) {
      auto due = 10 * before * std::chrono::duration<double>(overload_clock::now() - begun).count();
      while (static_cast<double>(tally->offered) < due)
        offer(uut, tally);
      std::this_thread::sleep_for(1ms);
    }
    auto seconds = std::chrono::duration<double>(overload_clock::now() - begun).count();
    auto goodput = static_cast<double>(tally->ok) / seconds;
    while (tally->answered < tally->offered)
      std::this_thread::sleep_for(1ms);
    auto after = capacity_of(uut); // the machine may have other things to do by now
    auto capacity = std::min(before, after);
    std::ranges::sort(tally->refusals);
    REQUIRE(tally->refusals.size() > 1000);
    auto late = tally->refusals[tally->refusals.size() / 100 * 99];
    auto grown = resident() - std::min(resident(), memory);
    MESSAGE("capacity " << before << " and " << after << " calls/s, offered "
                        << static_cast<double>(tally->offered) / seconds << ", done " << goodput
                        << "; refused " << tally->refusals.size() << ", p99 " << late.count() / 1000
                        << " us; grown by " << (grown >> 20) << " MiB");
    // By itself on a machine it is 0.9 and more; what else runs takes from one and not from the
    // other.
    holds = goodput >= (std::getenv("SNAKEPIT_OVERLOAD") ? 0.9 : 0.5) * capacity && late < 100ms;
    saturated += tally->errors[reason::pool_saturated];
    CHECK(grown < (size_t{64} << 20));
    for (auto& [why, n] : tally->errors)
      CHECK_MESSAGE(why == reason::pool_saturated, to_string(why) << ": " << n);
  }
  CHECK(holds);
  auto stats = uut.stats().at(0);
  CHECK(stats.rejected.at("pool_saturated") == saturated);
  CHECK(stats.worker_exits == 0);
}

TEST_SUITE_END();
