#include "actors/core/slot_table.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::never;
using core::slot_table;
using core::time_point;

TEST_SUITE_BEGIN("slot_table");

namespace {

const auto slot_table_t0 = time_point{} + 1h;

start_config batches(size_t size, duration delay = duration{0}) {
  return {size, delay, 30s};
}

restart_config restarts() {
  return {{0ms, 100ms, 500ms, 2s}, 5, 10s};
}

/// The slots of the workers to start, which must be of generation `generation`.
std::vector<uint32_t> due(slot_table& uut, time_point now, uint32_t generation = 1) {
  auto result = std::vector<uint32_t>{};
  for (auto& x : uut.due(now)) {
    CHECK(x.generation == generation);
    result.push_back(x.slot);
  }
  return result;
}

using slots = std::vector<uint32_t>;

/// The only slot starts, becomes ready and ends, all at `now`; it must be due.
void serve_and_exit(slot_table& uut, time_point now) {
  auto x = uut.due(now);
  REQUIRE(x.size() == 1);
  uut.on_ready(x[0].slot, x[0].generation, now);
  uut.on_exit(x[0].slot, x[0].generation, now);
}

} // namespace

TEST_CASE("starts at most batch_size workers at a time [P2]") {
  auto uut = slot_table{5, batches(2), restarts()};
  CHECK(uut.size() == 5);
  CHECK(uut.waiting() == 5);
  CHECK(uut.next_due() <= slot_table_t0);
  CHECK(due(uut, slot_table_t0) == slots{0, 1});
  CHECK(uut.starting() == 2);
  CHECK(uut.waiting() == 3);
  CHECK(due(uut, slot_table_t0).empty());
  CHECK(due(uut, slot_table_t0 + 1h).empty());
  CHECK(uut.next_due() == never);
  uut.on_ready(1, 1, slot_table_t0);
  CHECK(uut.ready() == 1);
  CHECK(uut.next_due() <= slot_table_t0);
  CHECK(due(uut, slot_table_t0) == slots{2});
  uut.on_ready(0, 1, slot_table_t0);
  uut.on_ready(2, 1, slot_table_t0);
  CHECK(due(uut, slot_table_t0) == slots{3, 4});
  uut.on_ready(3, 1, slot_table_t0);
  uut.on_ready(4, 1, slot_table_t0);
  CHECK(uut.ready() == 5);
  CHECK(uut.next_due() == never);
  CHECK(due(uut, slot_table_t0).empty());
}

TEST_CASE("with batch_delay a batch ends as a whole, and the next begins after the pause [P2]") {
  auto uut = slot_table{5, batches(2, 1s), restarts()};
  CHECK(due(uut, slot_table_t0) == slots{0, 1});
  uut.on_ready(0, 1, slot_table_t0 + 1s);
  CHECK(due(uut, slot_table_t0 + 1h).empty());
  CHECK(uut.next_due() == never);
  uut.on_ready(1, 1, slot_table_t0 + 3s);
  CHECK(uut.next_due() == slot_table_t0 + 4s);
  CHECK(due(uut, slot_table_t0 + 4s - 1ns).empty());
  CHECK(due(uut, slot_table_t0 + 4s) == slots{2, 3});
}

TEST_CASE("with batch_delay a batch also ends when its starts fail [P2]") {
  auto uut = slot_table{3, batches(1, 1s), restarts()};
  CHECK(due(uut, slot_table_t0) == slots{0});
  uut.on_start_failed(0, 1, false, slot_table_t0);
  CHECK(uut.next_due() == slot_table_t0 + 1s);
  CHECK(due(uut, slot_table_t0 + 1s - 1ns).empty());
  CHECK(uut.due(slot_table_t0 + 1s).size() == 1);
}

TEST_CASE("a slot waits the longer the more often its worker ended [W10]") {
  auto uut = slot_table{1, batches(8), restarts()};
  auto now = slot_table_t0;
  serve_and_exit(uut, now);
  for (auto pause : {duration{0}, duration{100ms}, duration{500ms}, duration{2s}, duration{2s}}) {
    CHECK(uut.next_due() == now + pause);
    if (pause > duration{0})
      CHECK(uut.due(now + pause - 1ns).empty());
    now += pause;
    serve_and_exit(uut, now);
  }
}

TEST_CASE("the first good call lets the back-off begin anew, readiness alone does not [W10]") {
  auto uut = slot_table{1, batches(8), restarts()};
  serve_and_exit(uut, slot_table_t0);
  serve_and_exit(uut, slot_table_t0);
  CHECK(uut.next_due() == slot_table_t0 + 100ms);
  auto again = uut.due(slot_table_t0 + 100ms);
  REQUIRE(again.size() == 1);
  uut.on_ready(0, again[0].generation, slot_table_t0 + 100ms);
  SUBCASE("with a good call") {
    uut.on_good_call(0);
    uut.on_exit(0, again[0].generation, slot_table_t0 + 1s);
    CHECK(uut.next_due() == slot_table_t0 + 1s);
  }
  SUBCASE("without") {
    uut.on_exit(0, again[0].generation, slot_table_t0 + 1s);
    CHECK(uut.next_due() == slot_table_t0 + 1s + 500ms);
  }
}

TEST_CASE("the back-off is the slot's own [W10]") {
  auto uut = slot_table{2, batches(8), restarts()};
  CHECK(due(uut, slot_table_t0) == slots{0, 1});
  uut.on_ready(0, 1, slot_table_t0);
  uut.on_ready(1, 1, slot_table_t0);
  uut.on_exit(0, 1, slot_table_t0);
  CHECK(due(uut, slot_table_t0, 2) == slots{0});
  uut.on_ready(0, 2, slot_table_t0);
  uut.on_exit(0, 2, slot_table_t0);
  uut.on_exit(1, 1, slot_table_t0);
  CHECK(due(uut, slot_table_t0, 2) == slots{1});
  CHECK(uut.next_due() == slot_table_t0 + 100ms);
  CHECK(due(uut, slot_table_t0 + 100ms, 3) == slots{0});
}

TEST_CASE("without a list of pauses nothing waits [W10]") {
  auto uut = slot_table{1, batches(8), {{}, 5, 10s}};
  for (auto i = 0; i < 4; ++i)
    serve_and_exit(uut, slot_table_t0);
}

TEST_CASE("ten thousand exits in service do not fail the pool [W10]") {
  auto uut = slot_table{1, batches(8), restarts()};
  auto now = slot_table_t0;
  for (auto i = 0; i < 10'000; ++i) {
    serve_and_exit(uut, now);
    now += 2s;
  }
  CHECK_FALSE(uut.failed());
  CHECK_FALSE(uut.hopeless());
}

TEST_CASE("what is told of another generation or in another state is ignored [P4]") {
  auto uut = slot_table{2, batches(1), restarts()};
  CHECK(due(uut, slot_table_t0) == slots{0});
  uut.on_ready(0, 0, slot_table_t0);
  uut.on_ready(0, 2, slot_table_t0);
  uut.on_ready(1, 1, slot_table_t0);
  uut.on_ready(9, 1, slot_table_t0);
  uut.on_exit(0, 1, slot_table_t0);
  uut.on_start_failed(0, 2, true, slot_table_t0);
  CHECK(uut.ready() == 0);
  CHECK(uut.starting() == 1);
  CHECK_FALSE(uut.hopeless());
  uut.on_ready(0, 1, slot_table_t0);
  uut.on_ready(0, 1, slot_table_t0);
  uut.on_start_failed(0, 1, true, slot_table_t0);
  CHECK(uut.ready() == 1);
  CHECK(uut.starting() == 0);
  CHECK_FALSE(uut.hopeless());
  uut.on_exit(0, 1, slot_table_t0);
  uut.on_exit(0, 1, slot_table_t0);
  uut.on_ready(0, 1, slot_table_t0);
  CHECK(uut.ready() == 0);
  CHECK(uut.waiting() == 2);
  CHECK(due(uut, slot_table_t0, 2) == slots{0});
  uut.on_exit(0, 1, slot_table_t0);
  CHECK(uut.starting() == 1);
}

TEST_CASE("a pool that stops starts nothing any more [P2]") {
  auto uut = slot_table{3, batches(1), restarts()};
  CHECK(due(uut, slot_table_t0) == slots{0});
  uut.stop();
  CHECK(uut.next_due() == never);
  uut.on_ready(0, 1, slot_table_t0);
  CHECK(uut.ready() == 1);
  uut.on_exit(0, 1, slot_table_t0);
  CHECK(uut.ready() == 0);
  CHECK(uut.next_due() == never);
  CHECK(due(uut, slot_table_t0 + 1h).empty());
}

TEST_CASE("a pool of no slots has nothing to do") {
  auto uut = slot_table{0, batches(8), restarts()};
  CHECK(uut.due(slot_table_t0).empty());
  CHECK(uut.next_due() == never);
}

TEST_CASE("generations go on from the last one that there was, in slots that come later too [W9]") {
  slot_table uut{1, batches(8), restarts(), 0, 7};
  CHECK(due(uut, slot_table_t0, 8) == slots{0});
  uut.on_ready(0, 8, slot_table_t0);
  uut.grow(3, slot_table_t0);
  CHECK(due(uut, slot_table_t0, 8) == slots{1, 2});
}

TEST_SUITE_END();
