#include "actors/core/lane_board.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::lane_board;
using core::lane_id;

namespace snakepit::core {

// For the messages of failed checks.
static std::ostream& operator<<(std::ostream& out, const lane_id& x) {
  return out << x.slot << '.' << x.generation << '.' << x.lane;
}

} // namespace snakepit::core

TEST_SUITE_BEGIN("lane_board");

namespace {

constexpr auto none = std::nullopt;

lane_id only_lane(uint32_t slot, uint32_t generation = 1) {
  return {slot, generation, 0};
}

} // namespace

TEST_CASE("without a ready worker no lane has room [P4]") {
  auto uut = lane_board{1ms};
  CHECK(uut.pick() == none);
  CHECK(uut.lanes() == 0);
  CHECK(uut.busy() == 0);
  CHECK(uut.in_flight() == 0);
}

TEST_CASE("the first batch is allowed however long it is, and stays alone if it is long [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  CHECK(uut.pick() == only_lane(0));
  uut.sent(only_lane(0), 1, 1h);
  CHECK(uut.pick() == none);
  uut.ended(only_lane(0), 1);
  CHECK(uut.pick() == only_lane(0));
}

TEST_CASE("a lane takes a second batch if the first is worth less than prefetch_time [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  uut.sent(only_lane(0), 3, 1ms - 1ns);
  CHECK(uut.pick() == only_lane(0));
  SUBCASE("but not if it is worth exactly that") {
    uut.ended(only_lane(0), 3);
    uut.sent(only_lane(0), 3, 1ms);
    CHECK(uut.pick() == none);
  }
  SUBCASE("and never a third, however short they are") {
    uut.ended(only_lane(0), 3);
    uut.sent(only_lane(0), 1, 1ns);
    uut.sent(only_lane(0), 1, 1ns);
    CHECK(uut.pick() == none);
    uut.ended(only_lane(0), 1);
    CHECK(uut.pick() == only_lane(0));
  }
}

TEST_CASE("prefetch_time 0 allows one call at a time [P4]") {
  auto uut = lane_board{0ns};
  uut.add(0, 1, 1);
  CHECK(uut.pick() == only_lane(0));
  CHECK(uut.room(only_lane(0), 500).calls == 1);
  CHECK(uut.room(only_lane(0), 500).worth == 0ns);
  uut.sent(only_lane(0), 1, 0ns);
  CHECK(uut.pick() == none);
}

TEST_CASE("the least loaded lane comes first [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  uut.add(1, 1, 1);
  uut.add(2, 1, 1);
  uut.sent(only_lane(0), 1, 300us);
  uut.sent(only_lane(1), 1, 100us);
  uut.sent(only_lane(2), 1, 200us);
  CHECK(uut.pick() == only_lane(1));
  uut.sent(only_lane(1), 1, 100us);
  CHECK(uut.pick() == only_lane(2));
  uut.ended(only_lane(0), 1);
  CHECK(uut.pick() == only_lane(0));
}

TEST_CASE("ties go round [P4]") {
  auto uut = lane_board{1ms};
  for (uint32_t slot = 0; slot < 3; ++slot)
    uut.add(slot, 1, 2);
  auto seen = std::vector<lane_id>{};
  for (auto i = 0; i < 12; ++i) {
    auto x = uut.pick();
    REQUIRE(x);
    seen.push_back(*x);
    uut.sent(*x, 1, 100us);
    uut.ended(*x, 1);
  }
  for (auto i = size_t{0}; i < 6; ++i) {
    CHECK(seen[i] == seen[i + 6]);
    for (auto j = i + 1; j < 6; ++j)
      CHECK(seen[i] != seen[j]);
  }
}

TEST_CASE("a lane that has never been given anything comes before one that has [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  uut.sent(only_lane(0), 1, 1us);
  uut.ended(only_lane(0), 1);
  uut.add(1, 1, 1);
  CHECK(uut.pick() == only_lane(1));
}

TEST_CASE("the lanes with room share what waits, rounded up [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 3);
  auto lane = lane_id{0, 1, 0};
  CHECK(uut.room(lane, 1).calls == 1);
  CHECK(uut.room(lane, 3).calls == 1);
  CHECK(uut.room(lane, 4).calls == 2);
  CHECK(uut.room(lane, 300).calls == 100);
  uut.sent({0, 1, 1}, 1, 1h);
  CHECK(uut.room(lane, 300).calls == 150);
  CHECK(uut.room(lane, 0).calls == 0);
}

TEST_CASE("a lane may be given what is left of prefetch_time [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  CHECK(uut.room(only_lane(0), 5).worth == 1ms);
  uut.sent(only_lane(0), 1, 400us);
  CHECK(uut.room(only_lane(0), 5).worth == 600us);
  uut.sent(only_lane(0), 1, 1h);
  CHECK(uut.room(only_lane(0), 5).worth == 0ns);
}

TEST_CASE("calls that end are counted off the oldest batch first [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  uut.sent(only_lane(0), 3, 300us);
  uut.sent(only_lane(0), 2, 200us);
  CHECK(uut.in_flight() == 5);
  uut.ended(only_lane(0), 2);
  CHECK(uut.in_flight() == 3);
  CHECK(uut.pick() == none); // both are unfinished
  SUBCASE("one by one") {
    uut.ended(only_lane(0), 1);
    CHECK(uut.pick() == only_lane(0));
    CHECK(uut.room(only_lane(0), 1).worth == 800us);
    uut.ended(only_lane(0), 1);
    CHECK(uut.in_flight() == 1);
  }
  SUBCASE("across both") {
    uut.ended(only_lane(0), 2);
    CHECK(uut.in_flight() == 1);
    CHECK(uut.room(only_lane(0), 1).worth == 800us);
    uut.ended(only_lane(0), 1);
    CHECK(uut.in_flight() == 0);
    CHECK(uut.room(only_lane(0), 1).worth == 1ms);
  }
  SUBCASE("both at once") {
    uut.ended(only_lane(0), 3);
    CHECK(uut.in_flight() == 0);
    CHECK(uut.busy() == 0);
    CHECK(uut.pick() == only_lane(0));
    CHECK(uut.room(only_lane(0), 1).worth == 1ms);
  }
}

TEST_CASE("more ends than there are calls, or none, do no harm") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  uut.ended(only_lane(0), 5);
  CHECK(uut.in_flight() == 0);
  CHECK(uut.busy() == 0);
  uut.sent(only_lane(0), 1, 1us);
  uut.ended(only_lane(0), 0);
  CHECK(uut.in_flight() == 1);
  uut.ended(only_lane(0), SIZE_MAX);
  CHECK(uut.in_flight() == 0);
  CHECK(uut.busy() == 0);
  CHECK(uut.pick() == only_lane(0));
}

TEST_CASE("a lane is busy from its first call to its last [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 2);
  uut.sent({0, 1, 0}, 2, 1us);
  uut.sent({0, 1, 0}, 1, 1us);
  uut.sent({0, 1, 1}, 1, 1us);
  CHECK(uut.busy() == 2);
  uut.ended({0, 1, 0}, 2);
  CHECK(uut.busy() == 2);
  uut.ended({0, 1, 0}, 1);
  CHECK(uut.busy() == 1);
  uut.ended({0, 1, 1}, 1);
  CHECK(uut.busy() == 0);
}

TEST_CASE("a worker that is removed takes its calls along and gets nothing more [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 2);
  uut.add(1, 1, 1);
  uut.sent({0, 1, 0}, 3, 1us);
  uut.sent({0, 1, 0}, 2, 1us);
  uut.sent({0, 1, 1}, 4, 1h);
  uut.sent(only_lane(1), 1, 1us);
  CHECK(uut.remove(0, 1) == 9);
  CHECK(uut.lanes() == 1);
  CHECK(uut.busy() == 1);
  CHECK(uut.in_flight() == 1);
  CHECK(uut.pick() == only_lane(1));
  uut.ended({0, 1, 0}, 5); // came too late
  CHECK(uut.in_flight() == 1);
  CHECK(uut.remove(0, 1) == 0);
  CHECK(uut.remove(1, 1) == 1);
  CHECK(uut.pick() == none);
}

TEST_CASE("generations of a slot are told apart [P4]") {
  auto uut = lane_board{1ms};
  uut.add(3, 1, 1);
  uut.add(3, 2, 1);
  uut.sent(only_lane(3, 1), 1, 1us);
  uut.sent(only_lane(3, 2), 1, 1us);
  CHECK(uut.remove(3, 1) == 1);
  CHECK(uut.lanes() == 1);
  CHECK(uut.pick() == only_lane(3, 2));
  CHECK(uut.remove(3, 3) == 0);
  CHECK(uut.remove(2, 2) == 0);
  CHECK(uut.lanes() == 1);
}

TEST_CASE("adding a worker again changes nothing [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  uut.sent(only_lane(0), 1, 1h);
  uut.add(0, 1, 1);
  CHECK(uut.lanes() == 1);
  CHECK(uut.in_flight() == 1);
  CHECK(uut.pick() == none);
}

TEST_CASE("a lane that is held has no room, whatever ends on it [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  uut.hold(only_lane(0), true);
  CHECK(uut.pick() == none);
  uut.ended(only_lane(0), 0);
  CHECK(uut.pick() == none);
  uut.hold(only_lane(0), false);
  CHECK(uut.pick() == only_lane(0));
  uut.hold(only_lane(7), true); // gone
}

TEST_CASE("lanes of a tainted slot come last, but are not left out [F3, P4]") {
  auto uut = lane_board{1ms};
  uut.taint(0, true);
  uut.add(0, 1, 1);
  uut.add(1, 1, 1);
  CHECK(uut.pick() == only_lane(1));
  uut.sent(only_lane(1), 1, 500us);
  CHECK(uut.pick() == only_lane(1)); // it has room, though it is busy
  CHECK(uut.has_idle());
  uut.sent(only_lane(1), 1, 500us);
  CHECK(uut.pick() == only_lane(0));
  uut.sent(only_lane(0), 1, 100us);
  uut.ended(only_lane(1), 2);
  uut.sent(only_lane(1), 1, 900us);
  CHECK(uut.pick() == only_lane(1));
  CHECK(!uut.has_idle());
  uut.taint(0, false);
  CHECK(uut.pick() == only_lane(0)); // less loaded
  uut.taint(0, false);
  uut.taint(1, true);
  uut.taint(1, true);
  CHECK(uut.remove(1, 1) == 1);
  uut.add(1, 2, 1);
  CHECK(uut.pick() == only_lane(0)); // the slot is tainted, not its worker
  uut.sent(only_lane(0), 1, 1h);
  CHECK(uut.pick() == only_lane(1, 2));
}

TEST_CASE("a lane with more than one call is crowded [P4]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  uut.sent(only_lane(0), 1, 0ms);
  CHECK(!uut.any_crowded());
  uut.sent(only_lane(0), 2, 0ms);
  CHECK(uut.any_crowded());
  CHECK(uut.is_crowded(only_lane(0)));
  uut.ended(only_lane(0), 1);
  CHECK(uut.any_crowded());
  uut.ended(only_lane(0), 1);
  CHECK(!uut.any_crowded());
  uut.sent(only_lane(0), 5, 0ms);
  uut.remove(0, 1);
  CHECK(!uut.any_crowded());
  CHECK(!uut.is_crowded(only_lane(0)));
}

TEST_CASE("calls that run as one do not crowd a lane [Q8]") {
  auto uut = lane_board{1ms};
  uut.add(0, 1, 1);
  uut.sent(only_lane(0), 5, 0ms, true);
  CHECK(uut.in_flight() == 5);
  CHECK(!uut.any_crowded());
  uut.sent(only_lane(0), 1, 0ms);
  CHECK(uut.is_crowded(only_lane(0)));
  uut.ended(only_lane(0), 4); // finals of a group may come one after the other
  CHECK(uut.is_crowded(only_lane(0)));
  uut.ended(only_lane(0), 1);
  CHECK(!uut.any_crowded());
  uut.ended(only_lane(0), 1);
  CHECK(uut.busy() == 0);
}

TEST_SUITE_END();
