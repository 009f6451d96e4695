#include "actors/core/slot_table.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::never;
using core::slot_table;
using core::time_point;

namespace {

const auto slot_table_renewal_t0 = time_point{} + 1h;

/// Two slots with ready workers of generation 1.
struct renewal_fixture {
  slot_table uut{2, {8, 0ms, 30s}, {{0ms, 100ms}, 2, 10s}};

  renewal_fixture() {
    for (auto& x : uut.due(slot_table_renewal_t0))
      uut.on_ready(x.slot, x.generation, slot_table_renewal_t0);
    REQUIRE(uut.ready() == 2);
  }

  /// Renews slot 1; the generation that is started.
  uint32_t renew() {
    REQUIRE(uut.renew(1));
    CHECK(uut.next_due() <= slot_table_renewal_t0);
    auto orders = uut.due(slot_table_renewal_t0);
    REQUIRE(orders.size() == 1);
    CHECK(orders[0].slot == 1);
    return orders[0].generation;
  }

  void check(size_t ready, size_t starting, size_t waiting) const {
    CHECK(uut.ready() == ready);
    CHECK(uut.starting() == starting);
    CHECK(uut.waiting() == waiting);
  }
};

} // namespace

TEST_SUITE_BEGIN("slot_table");

TEST_CASE_FIXTURE(renewal_fixture, "a slot stays ready until its next worker is [L2]") {
  CHECK(renew() == 2);
  check(2, 0, 0);
  CHECK(uut.renew(1)); // is being done
  CHECK(uut.due(slot_table_renewal_t0).empty());
  CHECK(uut.next_due() == never);
  uut.on_ready(1, 2, slot_table_renewal_t0);
  check(2, 0, 0);
  uut.on_exit(1, 1, slot_table_renewal_t0); // the old one's end is nothing to the slot
  check(2, 0, 0);
  CHECK(renew() == 3);
}

TEST_CASE_FIXTURE(renewal_fixture, "a successor that does not start changes nothing [L2]") {
  CHECK(renew() == 2);
  uut.on_start_failed(1, 2, true, slot_table_renewal_t0);
  check(2, 0, 0);
  CHECK_FALSE(uut.failed());
  CHECK(uut.next_due() == never);            // it is not tried again
  uut.on_ready(1, 2, slot_table_renewal_t0); // it does not come back
  uut.on_exit(1, 1, slot_table_renewal_t0);
  check(1, 0, 1);
  auto next = uut.due(slot_table_renewal_t0);
  REQUIRE(next.size() == 1);
  CHECK(next[0].generation == 3); // no number is given twice
}

TEST_CASE_FIXTURE(renewal_fixture,
                  "if the old one is lost meanwhile the new one has the slot [W10]") {
  CHECK(renew() == 2);
  uut.on_exit(1, 1, slot_table_renewal_t0);
  check(1, 1, 0);
  CHECK(uut.due(slot_table_renewal_t0 + 1h).empty());
  SUBCASE("it gets ready") {
    uut.on_ready(1, 2, slot_table_renewal_t0);
    check(2, 0, 0);
    uut.on_exit(1, 2, slot_table_renewal_t0);
    check(1, 0, 1);
  }
  SUBCASE("it does not start") {
    uut.on_start_failed(1, 2, false, slot_table_renewal_t0);
    check(1, 0, 1);
    CHECK(uut.next_due() == slot_table_renewal_t0 + 100ms); // after two setbacks
    auto next = uut.due(slot_table_renewal_t0 + 100ms);
    REQUIRE(next.size() == 1);
    CHECK(next[0].generation == 3);
  }
}

TEST_CASE_FIXTURE(renewal_fixture, "if the old one is lost before the new one is started, one is") {
  CHECK(uut.renew(1));
  uut.on_exit(1, 1, slot_table_renewal_t0);
  check(1, 0, 1);
  CHECK(uut.due(slot_table_renewal_t0).size() == 1);
  CHECK(uut.due(slot_table_renewal_t0).empty());
  check(1, 1, 0);
}

TEST_CASE_FIXTURE(renewal_fixture, "a successor that is not even tried is wanted no more") {
  CHECK(renew() == 2);
  uut.on_not_started(1, 2, slot_table_renewal_t0);
  check(2, 0, 0);
  CHECK(uut.due(slot_table_renewal_t0).empty());
}

TEST_CASE_FIXTURE(renewal_fixture,
                  "only a slot with a ready worker is renewed, and none at the end") {
  CHECK_FALSE(uut.renew(2));
  uut.on_exit(0, 1, slot_table_renewal_t0);
  CHECK_FALSE(uut.renew(0));
  CHECK(uut.renew(1));
  uut.stop();
  CHECK(uut.due(slot_table_renewal_t0).empty());
  CHECK(uut.next_due() == never);
  CHECK_FALSE(uut.renew(1));
}

TEST_CASE("renewals keep to the size of a batch and to its pauses [P2]") {
  auto uut = slot_table{3, {1, 1s, 30s}, {{0ms}, 2, 10s}};
  for (auto time = slot_table_renewal_t0; uut.ready() < 3; time += 1s)
    for (auto& x : uut.due(time))
      uut.on_ready(x.slot, x.generation, time);
  auto now = slot_table_renewal_t0 + 1h;
  for (uint32_t i = 0; i < 3; ++i)
    CHECK(uut.renew(i));
  for (uint32_t i = 0; i < 3; ++i) {
    CHECK(uut.next_due() <= now);
    auto orders = uut.due(now);
    REQUIRE(orders.size() == 1);
    CHECK(uut.due(now).empty());
    uut.on_ready(orders[0].slot, orders[0].generation, now);
    CHECK(uut.due(now).empty());
    now += 1s;
  }
  CHECK(uut.next_due() == never);
}

TEST_SUITE_END();
