#include "actors/core/call.hpp"

#include "tests/support/calls.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::later;
using core::never;
using core::time_point;
using test::good;
using test::make_call;
using test::recording_target;

TEST_SUITE_BEGIN("call");

namespace {

const auto call_t0 = time_point{} + 1h;

} // namespace

TEST_CASE("later adds, and ends in `never` instead of wrapping round [Q2]") {
  CHECK(later(call_t0, 5s) == call_t0 + 5s);
  CHECK(later(call_t0, 0ns) == call_t0);
  CHECK(later(call_t0, -1s) == call_t0 - 1s);
  CHECK(later(call_t0, infinite) == never);
  CHECK(later(call_t0, never - call_t0) == never);
  CHECK(later(call_t0, never - call_t0 - 1ns) == never - 1ns);
  CHECK(later(call_t0, never - call_t0 + 1ns) == never);
  CHECK(later(never, 0ns) == never);
  CHECK(later(never, infinite) == never);
}

TEST_CASE("the size of a call is its data and its attachments [Q1]") {
  auto x = core::call{};
  CHECK(x.bytes() == 0);
  x.data = "12345";
  x.attachments = {"123", "", "1"};
  CHECK(x.bytes() == 9);
}

TEST_CASE("a submission that nobody takes answers each of its calls `unavailable` [Q7]") {
  auto target = std::make_shared<recording_target>();
  {
    auto uut = core::submission{};
    uut.calls.push_back(make_call(1, target));
    uut.calls.push_back(make_call(2, target));
  }
  for (uint64_t i : {1, 2}) {
    REQUIRE(target->answers(i) == 1);
    REQUIRE_FALSE(target->end(i));
    CHECK(target->end(i).error().reason == reason::unavailable);
    CHECK(target->end(i).error().retryable);
  }
}

TEST_CASE("a submission leaves alone what was taken from it or answered before [Q7]") {
  auto target = std::make_shared<recording_target>();
  auto taken = core::call_ptr{};
  {
    auto first = core::submission{};
    first.calls.push_back(make_call(1, target));
    first.calls.push_back(make_call(2, target));
    auto second = std::move(first);
    taken = std::move(second.calls[0]);
    second.calls[1]->slot.answer(good());
  }
  CHECK(target->answers(1) == 0);
  REQUIRE(target->answers(2) == 1);
  CHECK(target->end(2));
}

TEST_CASE("a submission that is assigned over answers what it had [Q7]") {
  auto target = std::make_shared<recording_target>();
  auto uut = core::submission{};
  uut.calls.push_back(make_call(1, target));
  uut = core::submission{};
  CHECK(target->answers(1) == 1);
}

TEST_SUITE_END();
