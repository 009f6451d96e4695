#include "actors/core/in_flight.hpp"

#include "tests/support/calls.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::in_flight;
using test::ids;
using test::make_call;
using test::recording_target;
using numbers = std::vector<uint64_t>;

TEST_SUITE_BEGIN("in_flight");

namespace {

const auto in_flight_settle_t0 = core::time_point{} + 1h;

/// Calls 1 to 5, each with its number as its id; what has a deadline has `in_flight_settle_t0`.
struct five_calls {
  std::shared_ptr<recording_target> target = std::make_shared<recording_target>();
  in_flight uut;

  five_calls() {
    for (uint64_t i = 1; i <= 5; ++i)
      uut.add(make_call(i, target, i == 3 ? in_flight_settle_t0 : core::never));
  }

  void check(uint64_t claimed, uint64_t done, const numbers& ended, uint64_t running,
             const numbers& not_started) {
    CAPTURE(claimed);
    CAPTURE(done);
    auto x = uut.settle(claimed, done);
    CHECK(ids(x.ended) == ended);
    CHECK((x.running ? x.running->id : 0) == running);
    CHECK(ids(x.not_started) == not_started);
    CHECK(uut.unfinished() == 0);
    CHECK_FALSE(uut.has_abandoned());
    CHECK(uut.next_deadline() == core::never);
  }
};

} // namespace

TEST_CASE_FIXTURE(five_calls,
                  "a worker that died before its first claim has started nothing [Q7]") {
  check(0, 0, {}, 0, {1, 2, 3, 4, 5});
}

TEST_CASE_FIXTURE(five_calls, "a worker that died in its first call ran that one [Q7]") {
  check(1, 0, {}, 1, {2, 3, 4, 5});
}

TEST_CASE_FIXTURE(five_calls,
                  "a worker that died in a later call lost the results before it [Q7]") {
  check(3, 2, {1, 2}, 3, {4, 5});
}

TEST_CASE_FIXTURE(five_calls, "results that came are not counted again [Q7]") {
  uut.finish(1);
  uut.finish(2);
  check(4, 3, {3}, 4, {5});
}

TEST_CASE_FIXTURE(five_calls, "a worker that died between two calls ran none [Q7]") {
  uut.finish(1);
  check(2, 2, {2}, 0, {3, 4, 5});
}

TEST_CASE_FIXTURE(five_calls, "a worker that died after its last call ran none [Q7]") {
  check(5, 5, {1, 2, 3, 4, 5}, 0, {});
}

TEST_CASE_FIXTURE(five_calls, "a worker that died in its last call has nothing left [Q7]") {
  for (uint64_t i = 1; i <= 4; ++i)
    uut.finish(i);
  check(5, 4, {}, 5, {});
}

TEST_CASE_FIXTURE(five_calls,
                  "a call whose final is there does not run, whatever the page says [Q7]") {
  uut.finish(3);
  check(3, 2, {1, 2}, 0, {4, 5});
}

TEST_CASE_FIXTURE(five_calls, "a call that was answered before is nobody's any more [Q7]") {
  uut.expire(in_flight_settle_t0);
  SUBCASE("ended") {
    check(4, 3, {1, 2}, 4, {5});
  }
  SUBCASE("not started") {
    check(1, 1, {1}, 0, {2, 4, 5});
  }
}

TEST_CASE_FIXTURE(five_calls, "the tool that ran is named also if its call was answered before") {
  uut.expire(in_flight_settle_t0);
  auto x = uut.settle(3, 2);
  CHECK_FALSE(x.running);
  CHECK(x.running_tool == "tool3");
  CHECK(ids(x.ended) == numbers{1, 2});
  CHECK(ids(x.not_started) == numbers{4, 5});
}

TEST_CASE_FIXTURE(five_calls, "no tool is named if none ran") {
  CHECK(uut.settle(2, 2).running_tool.empty());
}

TEST_CASE_FIXTURE(five_calls, "a page of a worker that lies loses and doubles nothing [Q7]") {
  SUBCASE("claimed beyond all") {
    check(UINT64_MAX, 0, {1, 2, 3, 4, 5}, 0, {});
  }
  SUBCASE("done beyond all") {
    check(0, UINT64_MAX, {1, 2, 3, 4, 5}, 0, {});
  }
  SUBCASE("both beyond all") {
    check(UINT64_MAX, UINT64_MAX, {1, 2, 3, 4, 5}, 0, {});
  }
  SUBCASE("claimed the next one that was never given") {
    check(6, 5, {1, 2, 3, 4, 5}, 0, {});
  }
  SUBCASE("done more than claimed") {
    check(2, 4, {1, 2, 3, 4}, 0, {5});
  }
  SUBCASE("went back behind its finals") {
    uut.finish(1);
    uut.finish(2);
    check(1, 0, {}, 0, {3, 4, 5});
  }
}

TEST_CASE_FIXTURE(five_calls, "of a group that ran all calls ran [Q7, Q8]") {
  auto ran = size_t{3};
  auto beside = numbers{2, 3};
  SUBCASE("all of them unanswered") {}
  SUBCASE("the final of its first is there") {
    uut.finish(1);
    uut.finish(2);
    beside = {3};
    ran = 2;
  }
  SUBCASE("one was answered before") {
    uut.expire(in_flight_settle_t0);
    beside = {2};
  }
  auto x = uut.settle(4, 1);
  CHECK(ids(x.beside) == beside);
  CHECK((x.running && x.running->id == 4));
  CHECK(x.ran == ran);
  CHECK(x.running_tool == "tool4");
  CHECK(ids(x.not_started) == numbers{5});
}

TEST_CASE_FIXTURE(five_calls, "a group is abandoned when all of its calls are [Q8]") {
  uut.expire(in_flight_settle_t0); // number 3
  CHECK(uut.are_abandoned(2, 3));
  CHECK_FALSE(uut.are_abandoned(2, 4));
  CHECK_FALSE(uut.are_abandoned(1, 3));
  CHECK_FALSE(uut.are_abandoned(3, 3)); // it has ended
  uut.finish(1);
  uut.finish(2);
  CHECK(uut.are_abandoned(0, 3));
  CHECK_FALSE(uut.are_abandoned(0, UINT64_MAX));
  CHECK_FALSE(uut.has_waiting(0, 3));
  CHECK(uut.has_waiting(0, 4));
  CHECK(uut.has_waiting(4, 4)); // its result is on its way
  CHECK_FALSE(uut.has_waiting(3, 3));
  uut.finish(3);
  CHECK_FALSE(uut.are_abandoned(0, 3));
}

TEST_CASE_FIXTURE(five_calls, "finals that come after the settlement are unknown [Q7]") {
  SUBCASE("honest page") {
    uut.settle(3, 2);
  }
  SUBCASE("page of nothing") {
    uut.settle(0, 0);
  }
  SUBCASE("page of garbage") {
    uut.settle(UINT64_MAX, UINT64_MAX);
  }
  for (uint64_t i = 0; i <= 6; ++i)
    CHECK(uut.finish(i).kind == in_flight::match::unknown);
  CHECK(uut.finish(UINT64_MAX).kind == in_flight::match::unknown);
}

TEST_CASE_FIXTURE(five_calls,
                  "numbers are not used again after a settlement, whatever the page said [Q7]") {
  uut.finish(1);
  SUBCASE("page of nothing") {
    uut.settle(0, 0);
  }
  SUBCASE("page of garbage") {
    uut.settle(UINT64_MAX, 0);
  }
  CHECK(uut.next_seq() == 6);
  uut.add(make_call(6, target));
  CHECK(uut.finish(5).kind == in_flight::match::unknown);
  CHECK(uut.finish(6).kind == in_flight::match::call_waits);
}

TEST_CASE("a table without calls settles whatever the page says") {
  auto uut = in_flight{};
  auto x = uut.settle(UINT64_MAX, 0);
  CHECK(x.ended.empty());
  CHECK_FALSE(x.running);
  CHECK(x.not_started.empty());
}

TEST_SUITE_END();
