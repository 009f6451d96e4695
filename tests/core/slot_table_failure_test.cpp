#include "actors/core/slot_table.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::never;
using core::slot_table;
using core::time_point;

TEST_SUITE_BEGIN("slot_table");

namespace {

const auto slot_table_failure_t0 = time_point{} + 1h;

slot_table table(size_t slots, size_t batch_size = 8, duration batch_delay = duration{0}) {
  return {slots, {batch_size, batch_delay, 30s}, {{duration{0}}, 5, 10s}};
}

/// Starts what is due and lets it fail, until as many starts as wanted have.
void fail_starts(slot_table& uut, size_t n, time_point now) {
  while (n > 0) {
    auto started = uut.due(now);
    REQUIRE_FALSE(started.empty());
    for (auto& x : started)
      if (n > 0) {
        uut.on_start_failed(x.slot, x.generation, false, now);
        --n;
      }
  }
}

} // namespace

TEST_CASE("`start_failures` failed starts in a row with no worker ready fail the pool [W10]") {
  auto uut = table(1);
  fail_starts(uut, 4, slot_table_failure_t0);
  CHECK_FALSE(uut.failed());
  CHECK_FALSE(uut.hopeless());
  fail_starts(uut, 1, slot_table_failure_t0);
  CHECK(uut.failed());
  CHECK(uut.hopeless());
}

TEST_CASE("failed starts count over all slots [W10]") {
  auto uut = table(5);
  fail_starts(uut, 5, slot_table_failure_t0);
  CHECK(uut.failed());
}

TEST_CASE("a worker that becomes ready ends the row of failed starts [W10]") {
  auto uut = table(2);
  auto first = uut.due(slot_table_failure_t0);
  REQUIRE(first.size() == 2);
  uut.on_start_failed(0, 1, false, slot_table_failure_t0);
  for (uint32_t generation = 2; generation <= 4; ++generation) {
    REQUIRE(uut.due(slot_table_failure_t0).size() == 1);
    uut.on_start_failed(0, generation, false, slot_table_failure_t0);
  }
  uut.on_ready(1, 1, slot_table_failure_t0);
  uut.on_exit(1, 1, slot_table_failure_t0);
  fail_starts(uut, 4, slot_table_failure_t0);
  CHECK_FALSE(uut.failed());
  fail_starts(uut, 1, slot_table_failure_t0);
  CHECK(uut.failed());
}

TEST_CASE("exits in service are no failed starts [W10]") {
  auto uut = table(1);
  fail_starts(uut, 4, slot_table_failure_t0);
  auto x = uut.due(slot_table_failure_t0);
  REQUIRE(x.size() == 1);
  uut.on_ready(0, x[0].generation, slot_table_failure_t0);
  uut.on_exit(0, x[0].generation, slot_table_failure_t0);
  CHECK_FALSE(uut.failed());
  CHECK_FALSE(uut.hopeless());
}

TEST_CASE("a failure that cannot but happen again fails the pool at the first try [P3] [W10]") {
  auto uut = table(4);
  REQUIRE(uut.due(slot_table_failure_t0).size() == 4);
  uut.on_start_failed(2, 1, true, slot_table_failure_t0);
  CHECK(uut.failed());
  CHECK(uut.hopeless());
  CHECK(uut.starting() == 3);
}

TEST_CASE(
  "with a worker ready a pool is not failed, but nobody should wait for the rest [P3] [W10]") {
  auto uut = table(2);
  REQUIRE(uut.due(slot_table_failure_t0).size() == 2);
  uut.on_ready(0, 1, slot_table_failure_t0);
  SUBCASE("after many failed starts") {
    uut.on_start_failed(1, 1, false, slot_table_failure_t0);
    fail_starts(uut, 4, slot_table_failure_t0);
  }
  SUBCASE("after one for good") {
    uut.on_start_failed(1, 1, true, slot_table_failure_t0);
  }
  CHECK_FALSE(uut.failed());
  CHECK(uut.hopeless());
  CHECK(uut.due(slot_table_failure_t0).size() == 1); // it goes on
  uut.on_exit(0, 1, slot_table_failure_t0);
  CHECK_FALSE(uut.failed());
  fail_starts(uut, 4,
              slot_table_failure_t0); // now it is without a worker: those before do not count
  CHECK_FALSE(uut.failed());
  fail_starts(uut, 1, slot_table_failure_t0);
  CHECK(uut.failed());
}

TEST_CASE("what the machine was short of while a worker served does not fail the pool [W10]") {
  auto uut = table(2);
  REQUIRE(uut.due(slot_table_failure_t0).size() == 2);
  uut.on_ready(0, 1, slot_table_failure_t0);
  uut.on_start_failed(1, 1, false, slot_table_failure_t0);
  fail_starts(uut, 1000, slot_table_failure_t0);
  uut.on_exit(0, 1, slot_table_failure_t0);
  CHECK_FALSE(uut.failed());
  auto next = uut.due(slot_table_failure_t0);
  REQUIRE_FALSE(next.empty());
  uut.on_ready(next[0].slot, next[0].generation, slot_table_failure_t0);
  CHECK_FALSE(uut.failed());
  CHECK_FALSE(uut.hopeless());
}

TEST_CASE("a shortage does not count while others are being started [W10]") {
  auto uut = table(8);
  REQUIRE(uut.due(slot_table_failure_t0).size() == 8);
  for (uint32_t slot = 1; slot < 8; ++slot)
    uut.on_start_failed(slot, 1, false, slot_table_failure_t0, true);
  CHECK_FALSE(uut.failed());
  CHECK_FALSE(uut.hopeless());
  uut.on_start_failed(0, 1, false, slot_table_failure_t0, true); // the last one: now nobody is left
  CHECK_FALSE(uut.failed());
  for (auto i = 0; i < 4; ++i) {
    auto next = uut.due(slot_table_failure_t0);
    for (auto& x : next)
      uut.on_start_failed(x.slot, x.generation, false, slot_table_failure_t0, true);
  }
  CHECK(uut.failed());
}

TEST_CASE("ten thousand crashes in service never close the pool, whatever fails between [W10]") {
  auto uut = table(3);
  auto now = slot_table_failure_t0;
  for (auto crashes = 0; crashes < 10'000;) {
    for (auto& x : uut.due(now)) {
      // Now and then a start fails, too, but never five in a row.
      if (x.generation % 7 == 0) {
        uut.on_start_failed(x.slot, x.generation, false, now);
        continue;
      }
      uut.on_ready(x.slot, x.generation, now);
      uut.on_exit(x.slot, x.generation, now);
      ++crashes;
    }
    REQUIRE_FALSE(uut.failed());
    now += 1ms;
  }
  REQUIRE(uut.due(now).size() > 0);
}

TEST_CASE("each slot has its own back-off, which the first good call begins anew [W10]") {
  slot_table uut{2, {8, duration{0}, 30s}, {{0ms, 100ms, 500ms}, 5, 10s}};
  auto crash = [&](const slot_table::order& x, time_point now) {
    uut.on_ready(x.slot, x.generation, now);
    uut.on_exit(x.slot, x.generation, now);
  };
  auto both = uut.due(slot_table_failure_t0);
  REQUIRE(both.size() == 2);
  crash(both[0], slot_table_failure_t0);
  uut.on_ready(1, 1, slot_table_failure_t0);
  auto again = uut.due(slot_table_failure_t0); // the first pause is none
  REQUIRE(again.size() == 1);
  crash(again[0], slot_table_failure_t0);
  CHECK(uut.due(slot_table_failure_t0).empty());
  CHECK(uut.next_due() == slot_table_failure_t0 + 100ms);
  uut.on_exit(1, 1, slot_table_failure_t0); // the other's first
  auto other = uut.due(slot_table_failure_t0);
  REQUIRE(other.size() == 1);
  CHECK(other[0].slot == 1);
  again = uut.due(slot_table_failure_t0 + 100ms);
  REQUIRE(again.size() == 1);
  CHECK(again[0].slot == 0);
  uut.on_ready(0, again[0].generation, slot_table_failure_t0 + 100ms);
  SUBCASE("a good call") {
    uut.on_good_call(0);
    uut.on_exit(0, again[0].generation, slot_table_failure_t0 + 100ms);
    CHECK(uut.due(slot_table_failure_t0 + 100ms).size() == 1);
  }
  SUBCASE("none") {
    uut.on_exit(0, again[0].generation, slot_table_failure_t0 + 100ms);
    CHECK(uut.due(slot_table_failure_t0 + 100ms).empty());
    CHECK(uut.due(slot_table_failure_t0 + 600ms).size() == 1);
  }
}

TEST_CASE("a failed pool tries one slot every `retry_failed` [W10]") {
  auto uut = table(4);
  REQUIRE(uut.due(slot_table_failure_t0).size() == 4);
  for (uint32_t slot = 0; slot < 4; ++slot)
    uut.on_start_failed(slot, 1, true, slot_table_failure_t0);
  auto now = slot_table_failure_t0;
  for (auto i = 0; i < 3; ++i) {
    CHECK(uut.next_due() == now + 10s);
    CHECK(uut.due(now + 10s - 1ns).empty());
    now += 10s;
    auto one = uut.due(now);
    REQUIRE(one.size() == 1);
    CHECK(uut.due(now + 1h).empty()); // not two tries at once
    CHECK(uut.next_due() == never);
    now += 3s;
    uut.on_start_failed(one[0].slot, one[0].generation, false, now);
    CHECK(uut.failed());
  }
}

TEST_CASE("a pool that fails while starts are under way waits for them before it tries [W10]") {
  auto uut = table(4, 3);
  REQUIRE(uut.due(slot_table_failure_t0).size() == 3);
  uut.on_start_failed(0, 1, true, slot_table_failure_t0);
  CHECK(uut.failed());
  CHECK(uut.due(slot_table_failure_t0 + 1h).empty());
  CHECK(uut.next_due() == never);
  uut.on_start_failed(1, 1, false, slot_table_failure_t0 + 1s);
  CHECK(uut.due(slot_table_failure_t0 + 1h).empty());
  uut.on_start_failed(2, 1, false, slot_table_failure_t0 + 2s);
  CHECK(uut.next_due() == slot_table_failure_t0 + 12s);
  CHECK(uut.due(slot_table_failure_t0 + 12s).size() == 1);
}

TEST_CASE("a start under way that succeeds all the same ends the failure [W10]") {
  auto uut = table(3);
  REQUIRE(uut.due(slot_table_failure_t0).size() == 3);
  uut.on_start_failed(0, 1, true, slot_table_failure_t0);
  CHECK(uut.failed());
  uut.on_ready(1, 1, slot_table_failure_t0 + 1s);
  CHECK_FALSE(uut.failed());
  CHECK_FALSE(uut.hopeless());
  CHECK(uut.due(slot_table_failure_t0 + 1s).size() == 1);
}

TEST_CASE("a failed pool that gets a worker starts the others at once [W10]") {
  auto uut = table(4);
  REQUIRE(uut.due(slot_table_failure_t0).size() == 4);
  for (uint32_t slot = 0; slot < 4; ++slot)
    uut.on_start_failed(slot, 1, true, slot_table_failure_t0);
  auto one = uut.due(slot_table_failure_t0 + 10s);
  REQUIRE(one.size() == 1);
  uut.on_ready(one[0].slot, one[0].generation, slot_table_failure_t0 + 11s);
  CHECK_FALSE(uut.failed());
  CHECK_FALSE(uut.hopeless());
  CHECK(uut.next_due() <= slot_table_failure_t0 + 11s);
  CHECK(uut.due(slot_table_failure_t0 + 11s).size() == 3);
  uut.on_exit(one[0].slot, one[0].generation, slot_table_failure_t0 + 12s);
  CHECK_FALSE(uut.failed());
}

TEST_CASE("a failed pool keeps its pauses with batch_delay, too [P2] [W10]") {
  auto uut = table(2, 1, 1s);
  REQUIRE(uut.due(slot_table_failure_t0).size() == 1);
  uut.on_start_failed(0, 1, true, slot_table_failure_t0);
  CHECK(uut.next_due() == slot_table_failure_t0 + 10s);
  auto one = uut.due(slot_table_failure_t0 + 10s);
  REQUIRE(one.size() == 1);
  uut.on_ready(one[0].slot, one[0].generation, slot_table_failure_t0 + 11s);
  CHECK(uut.next_due() == slot_table_failure_t0 + 12s);
  CHECK(uut.due(slot_table_failure_t0 + 12s).size() == 1);
}

TEST_CASE("a failed pool that stops tries no more [W10]") {
  auto uut = table(1);
  fail_starts(uut, 5, slot_table_failure_t0);
  uut.stop();
  CHECK(uut.next_due() == never);
  CHECK(uut.due(slot_table_failure_t0 + 1h).empty());
  CHECK(uut.failed());
}

TEST_SUITE_END();
