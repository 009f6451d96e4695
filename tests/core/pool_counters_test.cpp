#include "actors/core/pool_counters.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using counts = std::map<std::string, uint64_t>;

TEST_SUITE_BEGIN("pool_counters");

TEST_CASE("reasons are counted by name, those that did not happen are left out [P6]") {
  auto uut = core::pool_counters{};
  CHECK(uut.rejected() == counts{});
  CHECK(uut.errors() == counts{});
  uut.reject(reason::pool_saturated);
  uut.reject(reason::pool_saturated);
  uut.reject(reason::draining);
  CHECK(uut.rejected() == counts{{"pool_saturated", 2}, {"draining", 1}});
  CHECK(uut.errors() == counts{});
}

TEST_CASE("a call that was refused is not a call that failed [P6]") {
  auto uut = core::pool_counters{};
  uut.reject(reason::pool_saturated);
  CHECK(uut.failed == 0);
  uut.fail(reason::cancelled);
  uut.fail(reason::worker_crashed, 3);
  CHECK(uut.failed == 4);
  CHECK(uut.errors() == counts{{"cancelled", 1}, {"worker_crashed", 3}});
  CHECK(uut.rejected() == counts{{"pool_saturated", 1}});
}

TEST_CASE("errors are added up by category, and timeouts by themselves [P6]") {
  auto uut = core::pool_counters{};
  CHECK(uut.errors_by_category() == counts{});
  CHECK(uut.timeouts() == 0);
  uut.fail(reason::queue_timeout, 2);
  uut.fail(reason::deadline_exceeded);
  uut.fail(reason::worker_crashed);
  uut.reject(reason::deadline_unmeetable);
  CHECK(uut.errors_by_category() == counts{{"timeout", 3}, {"worker", 1}});
  CHECK(uut.timeouts() == 3);
}

TEST_CASE("the first and the last reason have a place of their own [P6]") {
  auto uut = core::pool_counters{};
  auto last = static_cast<reason>(reason_table.size() - 1);
  uut.fail(static_cast<reason>(0));
  uut.fail(last);
  CHECK(uut.errors().size() == 2);
  CHECK(uut.errors().at(std::string{to_string(last)}) == 1);
}

TEST_SUITE_END();
