#include "actors/core/run_times.hpp"

#include "actors/core/call.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::run_times;

TEST_SUITE_BEGIN("run_times");

namespace {

core::run_sum runs(uint32_t tool, uint32_t count, std::chrono::nanoseconds each) {
  auto result = core::run_sum{.tool = tool};
  for (uint32_t i = 0; i < count; ++i)
    result.add(each);
  return result;
}

} // namespace

TEST_CASE("a tool without samples is foreseen as told [P4]") {
  auto uut = run_times{1ms};
  CHECK(uut.foresee(0) == 1ms);
  CHECK(uut.foresee(core::call::unresolved) == 1ms);
  uut.note(runs(5, 1, 3us));
  CHECK(uut.foresee(4) == 1ms);
  CHECK(uut.foresee(6) == 1ms);
}

TEST_CASE("the first sample counts whole, the mean of many as one [P4]") {
  auto uut = run_times{1ms};
  uut.note(runs(2, 1, 80us));
  CHECK(uut.foresee(2) == 80us);
  uut.note(runs(3, 4, 20us));
  CHECK(uut.foresee(3) == 20us);
}

TEST_CASE("a later sample weighs an eighth, many at once up to a half [P4]") {
  auto uut = run_times{1ms};
  uut.note(runs(0, 1, 80us));
  uut.note(runs(0, 1, 160us));
  CHECK(uut.mean(0) == 90us);
  CHECK(uut.foresee(0) / 100ns == 872); // 80 us times the eighth root of 2
  uut.note(runs(1, 1, 80us));
  uut.note(runs(1, 2, 160us));
  CHECK(uut.mean(1) == 100us);
  CHECK(uut.foresee(1) / 100ns == 951);
  uut.note(runs(2, 1, 80us));
  uut.note(runs(2, 256, 160us));
  CHECK(uut.mean(2) == 120us);
  CHECK(uut.foresee(2) / 100ns == 1131);
}

TEST_CASE("one long call among many short ones is not what is foreseen [P4]") {
  auto uut = run_times{1ms};
  uut.note(runs(0, 100, 20us));
  uut.note(runs(0, 1, 50ms));
  CHECK(uut.mean(0) > 6ms);
  CHECK(uut.foresee(0) < 100us);
  auto mixed = runs(1, 99, 20us);
  mixed.add(50ms);
  uut.note(mixed);
  CHECK(uut.mean(1) > 500us);
  CHECK(uut.foresee(1) < 25us);
}

TEST_CASE("a tool that grows slower is noticed within some ten calls [P4]") {
  auto uut = run_times{1ms};
  uut.note(runs(0, 256, 10us));
  for (auto i = 0; i < 10; ++i)
    uut.note(runs(0, 1, 10ms));
  CHECK(uut.mean(0) > 5ms);
  CHECK(uut.foresee(0) > 1ms);
  CHECK(uut.foresee(0) < 10ms);
}

TEST_CASE("no call is no sample [P4]") {
  auto uut = run_times{1ms};
  uut.note(runs(0, 0, 5s));
  CHECK(uut.foresee(0) == 1ms);
}

TEST_CASE("a run of nothing is a sample of nothing, and not unknown [P4]") {
  auto uut = run_times{1ms};
  uut.note(runs(0, 1, 0ns));
  CHECK(uut.foresee(0) <= 1ns);
  CHECK(uut.mean(0) == 0ns);
}

TEST_CASE("runs of what is no tool of the pool, such as a probe, are not noted") {
  auto uut = run_times{1ms};
  uut.note(runs(0, 1, 7us));
  uut.note(runs(core::call::unresolved, 1, 5s));
  CHECK(uut.foresee(0) == 7us);
  CHECK(uut.foresee(core::call::unresolved) == 1ms);
}

TEST_SUITE_END();
