#include "actors/core/run_times.hpp"

#include "actors/core/call.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::run_times;

TEST_SUITE_BEGIN("run_times");

TEST_CASE("a tool without samples is foreseen as told [P4]") {
  auto uut = run_times{1ms};
  CHECK(uut.foresee(0) == 1ms);
  CHECK(uut.foresee(core::call::unresolved) == 1ms);
  uut.note(5, 1, 3us);
  CHECK(uut.foresee(4) == 1ms);
  CHECK(uut.foresee(6) == 1ms);
}

TEST_CASE("the first sample counts whole, the mean of many as one [P4]") {
  auto uut = run_times{1ms};
  uut.note(2, 1, 80us);
  CHECK(uut.foresee(2) == 80us);
  uut.note(3, 4, 80us);
  CHECK(uut.foresee(3) == 20us);
}

TEST_CASE("a later sample weighs an eighth, many at once up to a half [P4]") {
  auto uut = run_times{1ms};
  uut.note(0, 1, 80us);
  uut.note(0, 1, 160us);
  CHECK(uut.foresee(0) == 90us);
  uut.note(1, 1, 80us);
  uut.note(1, 2, 320us);
  CHECK(uut.foresee(1) == 100us);
  uut.note(2, 1, 80us);
  uut.note(2, 256, 256 * 160us);
  CHECK(uut.foresee(2) == 120us);
}

TEST_CASE("a tool that grows slower is noticed within some ten calls [P4]") {
  auto uut = run_times{1ms};
  uut.note(0, 256, 256 * 10us);
  for (auto i = 0; i < 10; ++i)
    uut.note(0, 1, 10ms);
  CHECK(uut.foresee(0) > 5ms);
  CHECK(uut.foresee(0) < 10ms);
}

TEST_CASE("no call is no sample [P4]") {
  auto uut = run_times{1ms};
  uut.note(0, 0, 5s);
  CHECK(uut.foresee(0) == 1ms);
}

TEST_CASE("a run of nothing is a sample of nothing, and not unknown [P4]") {
  auto uut = run_times{1ms};
  uut.note(0, 1, 0ns);
  CHECK(uut.foresee(0) == 0ns);
}

TEST_CASE("runs of what is no tool of the pool, such as a probe, are not noted") {
  auto uut = run_times{1ms};
  uut.note(0, 1, 7us);
  uut.note(core::call::unresolved, 1, 5s);
  CHECK(uut.foresee(0) == 7us);
  CHECK(uut.foresee(core::call::unresolved) == 1ms);
}

TEST_SUITE_END();
