#include "actors/core/in_flight.hpp"

#include "tests/support/calls.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::in_flight;
using core::never;
using core::time_point;
using match = in_flight::match;
using test::ids;
using test::make_call;
using test::recording_target;
using numbers = std::vector<uint64_t>;

TEST_SUITE_BEGIN("in_flight");

namespace {

const auto in_flight_t0 = time_point{} + 1h;

/// Calls have the id of their number times ten.
struct in_flight_fixture {
  std::shared_ptr<recording_target> target = std::make_shared<recording_target>();
  in_flight uut;

  std::shared_ptr<core::call_ticket> add(time_point deadline = never) {
    auto x = make_call(uut.next_seq() * 10, target, deadline);
    auto ticket = x->ticket;
    uut.add(std::move(x));
    return ticket;
  }
  void add_many(int n) {
    for (auto i = 0; i < n; ++i)
      add();
  }
};

} // namespace

TEST_CASE_FIXTURE(in_flight_fixture, "numbers start at 1 and have no gaps [Q7]") {
  CHECK(uut.next_seq() == 1);
  add_many(2);
  CHECK(uut.next_seq() == 3);
  CHECK(uut.finish(1).kind == match::call_waits);
  CHECK(uut.finish(2).kind == match::call_waits);
  CHECK(uut.next_seq() == 3);
  CHECK(uut.unfinished() == 0);
}

TEST_CASE_FIXTURE(in_flight_fixture, "a final takes its call out, once [Q7]") {
  add_many(3);
  auto first = uut.finish(2);
  CHECK(first.kind == match::call_waits);
  REQUIRE(first.call);
  CHECK(first.call->id == 20);
  CHECK(first.tool == 20);
  CHECK(uut.unfinished() == 2);
  auto again = uut.finish(2);
  CHECK(again.kind == match::unknown);
  CHECK_FALSE(again.call);
  CHECK(uut.unfinished() == 2);
}

TEST_CASE_FIXTURE(in_flight_fixture, "finals may come in any order [Q7]") {
  add_many(4);
  for (uint64_t i : {3, 1, 4, 2}) {
    auto x = uut.finish(i);
    REQUIRE(x.call);
    CHECK(x.call->id == i * 10);
  }
  for (uint64_t i : {1, 2, 3, 4})
    CHECK(uut.finish(i).kind == match::unknown);
}

TEST_CASE_FIXTURE(in_flight_fixture, "a number that is not in flight is unknown [Q7]") {
  CHECK(uut.finish(1).kind == match::unknown);
  add_many(2);
  for (auto i : {uint64_t{0}, uint64_t{3}, UINT64_MAX})
    CHECK(uut.finish(i).kind == match::unknown);
  uut.finish(1);
  CHECK(uut.finish(0).kind == match::unknown);
  CHECK(uut.finish(1).kind == match::unknown);
  CHECK(uut.unfinished() == 1);
}

TEST_CASE_FIXTURE(
  in_flight_fixture,
  "expire takes calls whose deadline is now or past, and leaves their numbers [Q2]") {
  add(in_flight_t0 + 2s);
  add();
  add(in_flight_t0 + 1s);
  CHECK(uut.next_deadline() == in_flight_t0 + 1s);
  CHECK(uut.expire(in_flight_t0 + 1s - 1ns).empty());
  CHECK_FALSE(uut.has_abandoned());
  CHECK(ids(uut.expire(in_flight_t0 + 1s)) == numbers{30});
  CHECK(uut.next_deadline() == in_flight_t0 + 2s);
  CHECK(uut.unfinished() == 3);
  CHECK(uut.has_abandoned());
  CHECK(uut.is_abandoned(3));
  CHECK_FALSE(uut.is_abandoned(1));
  CHECK(uut.expire(in_flight_t0 + 1s).empty());
  CHECK(uut.next_seq() == 4);
}

TEST_CASE_FIXTURE(in_flight_fixture, "the final of a call that expired is late, once [Q7]") {
  add(in_flight_t0);
  uut.expire(in_flight_t0);
  auto x = uut.finish(1);
  CHECK(x.kind == match::late);
  CHECK_FALSE(x.call);
  CHECK(x.tool == 10);
  CHECK_FALSE(uut.has_abandoned());
  CHECK(uut.unfinished() == 0);
  CHECK(uut.finish(1).kind == match::unknown);
}

TEST_CASE_FIXTURE(in_flight_fixture,
                  "withdraw takes the call of a ticket and leaves its number [Q7]") {
  add();
  auto ticket = add();
  add();
  auto x = uut.withdraw(ticket.get());
  REQUIRE(x);
  CHECK(x->id == 20);
  CHECK(uut.is_abandoned(2));
  CHECK(uut.has_abandoned());
  CHECK(uut.unfinished() == 3);
  CHECK_FALSE(uut.withdraw(ticket.get()));
  CHECK(uut.finish(2).kind == match::late);
  CHECK_FALSE(uut.has_abandoned());
}

TEST_CASE_FIXTURE(in_flight_fixture, "a ticket that is not here takes nothing out [Q7]") {
  auto ticket = add();
  auto other = core::call_ticket{};
  CHECK_FALSE(uut.withdraw(&other));
  CHECK(uut.finish(1).kind == match::call_waits);
  CHECK_FALSE(uut.withdraw(ticket.get()));
  CHECK_FALSE(uut.has_abandoned());
}

TEST_CASE_FIXTURE(in_flight_fixture,
                  "no ticket is nobody's: calls without one are not withdrawn [Q7]") {
  auto x = make_call(1, target);
  x->ticket = nullptr;
  uut.add(std::move(x));
  CHECK_FALSE(uut.withdraw(nullptr));
  CHECK(uut.finish(1).kind == match::call_waits);
}

TEST_CASE_FIXTURE(in_flight_fixture, "only numbers that are unfinished can be abandoned") {
  CHECK_FALSE(uut.is_abandoned(0));
  CHECK_FALSE(uut.is_abandoned(1));
  CHECK_FALSE(uut.is_abandoned(UINT64_MAX));
  add();
  add(in_flight_t0);
  uut.expire(in_flight_t0);
  uut.finish(2);
  CHECK_FALSE(uut.is_abandoned(2));
}

TEST_CASE_FIXTURE(in_flight_fixture, "the tool of a number is known as long as the number is") {
  add(in_flight_t0);
  uut.expire(in_flight_t0);
  CHECK(uut.tool_of(1) == "tool10");
  CHECK(uut.tool_of(0).empty());
  CHECK(uut.tool_of(2).empty());
  uut.add(std::make_unique<core::call>()); // a probe has none
  CHECK(uut.tool_of(2).empty());
}

TEST_CASE_FIXTURE(in_flight_fixture, "a table that is destroyed answers the calls in it [Q7]") {
  {
    auto x = in_flight{};
    x.add(make_call(1, target));
    x.add(make_call(2, target));
    x.finish(1).call->slot.answer(test::good());
  }
  CHECK(target->answers(1) == 1);
  CHECK(target->answers(2) == 1);
  CHECK_FALSE(target->end(2));
}

TEST_CASE_FIXTURE(in_flight_fixture,
                  "numbers that will not be begun are taken back in order [Q7]") {
  add_many(2);
  auto ticket = add();
  add_many(2);
  CHECK(uut.has_above(2));
  CHECK(uut.find_ticket(ticket.get()) == 3);
  CHECK(uut.withdraw(ticket.get()));
  CHECK(uut.find_ticket(ticket.get()) == 0);
  auto taken = uut.take_above(2);
  CHECK(ids(taken.calls) == numbers{40, 50});
  CHECK(taken.numbers == 3);
  CHECK(uut.unfinished() == 2);
  CHECK(!uut.has_abandoned());
  CHECK(!uut.has_above(2));
  CHECK(uut.take_above(2).numbers == 0);
  CHECK(uut.finish(4).kind == match::unknown);
  CHECK(uut.next_seq() == 6); // they are not used again
  add();
  CHECK(uut.has_above(2));
  CHECK(uut.waiting(6)->id == 60);
  CHECK(uut.waiting(4) == nullptr);
  CHECK(uut.settle(1, 0).not_started.size() == 2);
}

TEST_SUITE_END();
