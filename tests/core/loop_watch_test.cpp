#include "actors/core/loop_watch.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::loop_watch;
using core::never;
using core::time_point;

namespace {

constexpr auto start = time_point{} + 1h;

} // namespace

TEST_SUITE_BEGIN("loop_watch");

TEST_CASE("a loop that has been sent nothing is not watched [W5, W6]") {
  auto uut = loop_watch{};
  CHECK(uut.next_due() == never);
  CHECK(!uut.look(start + 1h, never));
  CHECK(!uut.blocked());
}

TEST_CASE("a loop that begins what it is sent is not blocked [W5]") {
  auto uut = loop_watch{};
  uut.sent(start);
  CHECK(uut.next_due() == start + 250ms);
  CHECK(!uut.look(start + 249ms, start));
  CHECK(!uut.look(start + 250ms, never));
  CHECK(uut.next_due() == never);
  CHECK(!uut.blocked());
}

TEST_CASE("a call that does not begin in time means a blocked loop, which is said once [W5, W6]") {
  auto uut = loop_watch{};
  uut.sent(start);
  CHECK(uut.look(start + 250ms, start));
  CHECK(uut.blocked());
  CHECK(uut.next_due() == never);
  uut.sent(start + 300ms); // it was on its way
  CHECK(!uut.look(start + 1s, start + 300ms));
  CHECK(uut.blocked());
}

TEST_CASE("the oldest call that has not begun counts, not the first that was sent [W5]") {
  auto uut = loop_watch{};
  uut.sent(start);
  uut.sent(start + 100ms);
  CHECK(!uut.look(start + 250ms, start + 100ms));
  CHECK(uut.next_due() == start + 350ms);
  CHECK(uut.look(start + 350ms, start + 100ms));
}

TEST_CASE("whatever it sends shows that it comes round [W5, W6]") {
  auto uut = loop_watch{};
  CHECK(!uut.on_results());
  uut.sent(start);
  uut.look(start + 250ms, start);
  CHECK(uut.on_results());
  CHECK(!uut.blocked());
  CHECK(!uut.on_results());
  uut.sent(start + 1s);
  CHECK(uut.look(start + 2s, start + 1s));
}

TEST_SUITE_END();
