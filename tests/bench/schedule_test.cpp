#include "bench/schedule.hpp"

#include <doctest/doctest.h>

using namespace snakepit::bench;

namespace {

recorded_call call(int64_t lane, int64_t submitted, int64_t began, int64_t ended) {
  return {.lane = lane, .submitted = submitted, .began = began, .ended = ended, .answered = ended};
}

} // namespace

TEST_CASE("a perfect scheduler runs the oldest call as soon as a lane is free [PF3]") {
  // Both lanes are taken by the first two; the third takes the one that is free first, the fourth
  // the other.
  std::vector<recorded_call> calls{call(1, 0, 5, 105), call(1, 10, 105, 125), call(1, 20, 125, 130),
                                   call(2, 20, 500, 510)};
  CHECK(perfect_ends(calls, 2) == std::vector<int64_t>{100, 30, 35, 45});
  CHECK(perfect_ends(calls, 1) == std::vector<int64_t>{100, 120, 125, 135});
}

TEST_CASE("a perfect scheduler starts nothing before it was submitted [PF3]") {
  CHECK(perfect_ends({call(1, 0, 0, 1), call(1, 1000, 1500, 1600)}, 1)
        == std::vector<int64_t>{1, 1100});
}

TEST_CASE("a short call that waits while another lane runs nothing is counted [PF3]") {
  std::vector<recorded_call> calls{call(1, 0, 0, 100), call(2, 0, 0, 10), call(2, 200, 200, 210)};
  SUBCASE("behind a long one") {
    calls.push_back(call(1, 20, 100, 101));
    CHECK(count_idle_waits(calls, 50).behind == 1);
    CHECK(count_idle_waits(calls, 50).all == 1);
    CHECK(count_idle_waits(calls, 80).all == 0); // lane 2 was idle for 80 of its wait
    calls.back().is_long = true;
    CHECK(count_idle_waits(calls, 50).all == 0);
  }
  SUBCASE("also if it was moved to the lane that was free") {
    calls.push_back(call(2, 20, 60, 61));
    CHECK(count_idle_waits(calls, 30).behind == 1);
    CHECK(count_idle_waits(calls, 40).behind == 0);
  }
  SUBCASE("but not while all lanes run") {
    calls.push_back(call(1, 2, 12, 13));
    CHECK(count_idle_waits(calls, 5).all == 0);
  }
  SUBCASE("apart if nothing ran that it could have stood behind") {
    calls.push_back(call(1, 120, 160, 161));
    CHECK(count_idle_waits(calls, 30).behind == 0);
    CHECK(count_idle_waits(calls, 30).all == 1);
  }
  SUBCASE("nor if it waits for less than the slack") {
    calls.push_back(call(2, 50, 55, 56));
    CHECK(count_idle_waits(calls, 5).behind == 0);
    CHECK(count_idle_waits(calls, 4).behind == 1);
  }
}
