#include "actors/core/recycle_rules.hpp"

#include "actors/core/memory_growth.hpp"
#include "tests/support/properties.hpp"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::never;
using core::recycle_reason;
using core::recycle_rules;
using core::time_point;
using core::worker_life;

namespace {

constexpr auto mebibyte = uint64_t{1} << 20;
const auto recycle_rules_t0 = time_point{} + 1h;

/// One worker that has been ready since recycle_rules_t0 and has had calls.
struct recycle_fixture {
  recycle_config config{.jitter = 0};
  worker_life worker{
    .slot = 3, .generation = 2, .pid = 7, .ready_since = recycle_rules_t0, .calls = 10};
  std::optional<recycle_rules> made;

  recycle_rules& uut() {
    if (!made)
      made.emplace(config, 1, 10s);
    return *made;
  }

  /// Why it is replaced, if it is.
  std::optional<recycle_reason> why(time_point now) {
    auto x = uut().judge({worker}, now);
    if (x.replace.empty())
      return std::nullopt;
    REQUIRE(x.replace.size() == 1);
    CHECK(x.replace[0].who == recycle_rules::worker{3, 2});
    return x.replace[0].why;
  }

  time_point next(time_point now) {
    return uut().judge({worker}, now).next;
  }
};

} // namespace

TEST_SUITE_BEGIN("recycle_rules");

TEST_CASE_FIXTURE(recycle_fixture, "without limits nothing is ever due [L1]") {
  CHECK(!uut().any());
  worker.calls = 1'000'000;
  worker.memory = uint64_t{1} << 50;
  worker.idle_since = recycle_rules_t0;
  CHECK(!why(recycle_rules_t0 + 24h * 365));
  CHECK(next(recycle_rules_t0) == never);
}

TEST_CASE_FIXTURE(recycle_fixture, "a worker that is too old is replaced [L1]") {
  config.ttl = 1h;
  CHECK(uut().any());
  CHECK(next(recycle_rules_t0) == recycle_rules_t0 + 1h);
  CHECK(!why(recycle_rules_t0 + 1h - 1ns));
  CHECK(why(recycle_rules_t0 + 1h) == recycle_reason::ttl);
  CHECK(!why(recycle_rules_t0 + 2h)); // it has been ordered
  CHECK(next(recycle_rules_t0 + 2h) == never);
}

TEST_CASE_FIXTURE(recycle_fixture, "a worker that has ended its number of calls is replaced [L1]") {
  config.max_calls = 100;
  worker.calls = 99;
  CHECK(!why(recycle_rules_t0));
  CHECK(next(recycle_rules_t0) == never); // no time brings it
  worker.calls = 100;
  CHECK(why(recycle_rules_t0) == recycle_reason::max_calls);
}

TEST_CASE_FIXTURE(recycle_fixture, "a worker that has had nothing to do is replaced once [L1]") {
  config.idle = 1min;
  CHECK(next(recycle_rules_t0) == recycle_rules_t0 + 1min); // while it has calls: not before
  worker.idle_since = recycle_rules_t0 + 5s;
  CHECK(next(recycle_rules_t0 + 10s) == recycle_rules_t0 + 5s + 1min);
  CHECK(why(recycle_rules_t0 + 5s + 1min) == recycle_reason::idle);
  // Its successor is as good as new for as long as nobody uses it.
  worker = {.slot = 3, .generation = 3, .pid = 8, .ready_since = recycle_rules_t0 + 2min};
  CHECK(!why(recycle_rules_t0 + 1h));
}

TEST_CASE_FIXTURE(recycle_fixture, "a worker that holds too much is replaced, or ended [L4]") {
  config.memory_soft = 100 * mebibyte;
  config.memory_hard = 200 * mebibyte;
  CHECK(uut().measures());
  CHECK(!why(recycle_rules_t0)); // not measured
  worker.memory = 100 * mebibyte;
  CHECK(!why(recycle_rules_t0));
  worker.memory += 1;
  worker.calls = 0;
  CHECK(!why(recycle_rules_t0)); // another one would hold as much
  worker.calls = 1;
  CHECK(why(recycle_rules_t0) == recycle_reason::memory);
  worker.memory = 200 * mebibyte + 1;
  for (auto leaves : {false, true}) {
    worker.leaving = leaves;
    auto x = uut().judge({worker}, recycle_rules_t0);
    CHECK(x.replace.empty());
    CHECK(x.end == std::vector{recycle_rules::worker{3, 2}});
  }
}

TEST_CASE_FIXTURE(recycle_fixture, "a worker that leaves is not replaced again [L1]") {
  config.ttl = 1s;
  worker.leaving = true;
  CHECK(!why(recycle_rules_t0 + 1h));
  CHECK(next(recycle_rules_t0 + 1h) == never);
}

TEST_CASE_FIXTURE(recycle_fixture, "what could not be replaced is tried again after a pause [L2]") {
  config.ttl = 1s;
  REQUIRE(why(recycle_rules_t0 + 1s));
  uut().refused({3, 2}, recycle_rules_t0 + 2s);
  CHECK(!why(recycle_rules_t0 + 3s));
  CHECK(next(recycle_rules_t0 + 3s) == recycle_rules_t0 + 12s);
  CHECK(why(recycle_rules_t0 + 12s) == recycle_reason::ttl);
  uut().refused({9, 9}, recycle_rules_t0); // nobody
  CHECK(next(recycle_rules_t0 + 13s) == never);
}

TEST_CASE("limits differ from worker to worker, and never change [L1]") {
  auto config = recycle_config{};
  config.ttl = 1000s;
  config.max_calls = 1000;
  config.memory_soft = 1000 * mebibyte;
  config.memory_hard = 2000 * mebibyte;
  config.idle = 100s;
  auto seen = std::set<duration>{};
  for (uint32_t slot = 0; slot < 50; ++slot)
    for (uint32_t generation = 1; generation < 5; ++generation) {
      auto x = core::limits_of(config, slot, generation, 42);
      auto same = core::limits_of(config, slot, generation, 42);
      CHECK(x.ttl == same.ttl);
      CHECK(x.ttl > 900s - 1ns);
      CHECK(x.ttl <= 1000s);
      CHECK(x.max_calls >= 900);
      CHECK(x.max_calls <= 1000);
      CHECK(x.memory_soft >= 900 * mebibyte);
      CHECK(x.memory_soft <= 1000 * mebibyte);
      CHECK(x.memory_hard == 2000 * mebibyte); // that one is for safety
      CHECK(x.idle <= 100s);
      CHECK(x.ttl != core::limits_of(config, slot, generation, 43).ttl);
      seen.insert(x.ttl);
    }
  CHECK(seen.size() == 200);
  config.jitter = 1;
  config.max_calls = 1;
  for (uint32_t slot = 0; slot < 1000; ++slot)
    CHECK(core::limits_of(config, slot, 1, 42).max_calls == 1);
  config = {};
  auto none = core::limits_of(config, 1, 1, 42);
  CHECK(none.ttl == infinite);
  CHECK(none.idle == infinite);
  CHECK(none.max_calls == core::recycle_limits::none);
  CHECK(none.memory_soft == core::recycle_limits::none);
  CHECK(none.memory_hard == core::recycle_limits::none);
}

namespace {

/// Workers that age, work and are replaced, and what an onlooker expects of the rules.
struct recycle_model {
  recycle_config config;
  recycle_rules table;
  std::vector<worker_life> workers;
  std::set<std::pair<uint32_t, uint32_t>> ordered;
  time_point now = recycle_rules_t0;

  explicit recycle_model(recycle_config x) : config{x}, table{x, 5, 10s} {
    for (uint32_t i = 0; i < 4; ++i)
      workers.push_back(
        {.slot = i, .generation = 1, .pid = i + 1, .ready_since = recycle_rules_t0});
  }

  std::optional<recycle_reason> expected(const worker_life& x) const {
    auto limits = core::limits_of(config, x.slot, x.generation, 5);
    if (config.max_calls != 0 && x.calls >= limits.max_calls)
      return recycle_reason::max_calls;
    if (config.memory_soft != 0 && x.memory > limits.memory_soft && x.calls > 0)
      return recycle_reason::memory;
    if (config.ttl != infinite && now - x.ready_since >= limits.ttl)
      return recycle_reason::ttl;
    if (config.idle != infinite && x.idle_since != never && now - x.idle_since >= limits.idle)
      return recycle_reason::idle;
    return std::nullopt;
  }

  void judge() {
    auto verdict = table.judge(workers, now);
    auto due = [&](auto& x) { return expected(x) && !ordered.contains({x.slot, x.generation}); };
    RC_ASSERT(verdict.replace.size() == static_cast<size_t>(std::ranges::count_if(workers, due)));
    for (auto& x : verdict.replace) {
      auto is = [&](auto& one) {
        return one.slot == x.who.slot && one.generation == x.who.generation;
      };
      auto i = std::ranges::find_if(workers, is);
      RC_ASSERT((i != workers.end() && expected(*i) == x.why));
      RC_ASSERT(ordered.insert({x.who.slot, x.who.generation}).second);
    }
    // Before the time that was told nothing becomes due by time alone.
    if (verdict.next == never)
      return;
    RC_ASSERT((verdict.next > now));
    auto early = table;
    RC_ASSERT(early.judge(workers, verdict.next - 1ns).replace.empty());
  }

  void step(uint8_t what, uint8_t a, uint8_t b) {
    auto& x = workers[a % workers.size()];
    switch (what % 6) {
    case 0:
      now += std::chrono::milliseconds{b * 10};
      break;
    case 1: // begins a call
      x.idle_since = never;
      break;
    case 2:
      ++x.calls;
      x.idle_since = now;
      break;
    case 3:
      x.memory = b * mebibyte;
      break;
    case 4: // its successor is there
      x = {.slot = x.slot, .generation = x.generation + 1, .pid = 1, .ready_since = now};
      break;
    default:
      judge();
    }
  }
};

} // namespace

TEST_CASE("each worker is replaced once, when it is due and not before [L1]") {
  using steps = std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>;
  CHECK(test::holds(2000, [](const steps& all, uint8_t a, uint8_t b) {
    auto config = recycle_config{};
    config.jitter = (b % 3) * 0.5;
    if (a & 1)
      config.ttl = 5s;
    if (a & 2)
      config.max_calls = 3;
    if (a & 4)
      config.memory_soft = 150 * mebibyte;
    if (a & 8)
      config.idle = 2s;
    auto x = recycle_model{config};
    for (auto& [what, p, q] : all)
      x.step(what, p, q);
    x.judge();
  }));
}

TEST_CASE("growth is told by calls, from the first one on [L4]") {
  auto x = core::memory_growth{};
  CHECK(x.bytes() == 0);
  x.note(30 * mebibyte, 0);
  x.note(80 * mebibyte, 5); // it has loaded what it needs
  CHECK(x.bytes() == 80 * mebibyte);
  CHECK(x.per_1000_calls() == 0);
  x.note(81 * mebibyte, 50);
  CHECK(x.per_1000_calls() == 0); // too few
  x.note(90 * mebibyte, 505);
  CHECK(x.per_1000_calls() == int64_t{20 * mebibyte});
  x.note(75 * mebibyte, 1005);
  CHECK(x.per_1000_calls() == -int64_t{5 * mebibyte});
}

TEST_SUITE_END();
