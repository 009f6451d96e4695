#include "actors/core/loop_watch.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::loop_watch;
using core::never;
using core::time_point;

namespace {

constexpr auto sent_at = time_point{} + 1h;

} // namespace

TEST_SUITE_BEGIN("loop_watch");

TEST_CASE("a loop that has been sent nothing is not watched [W5, W6]") {
  auto uut = loop_watch{};
  CHECK(uut.next_due() == never);
  CHECK(!uut.look(sent_at + 1h, never));
  CHECK(!uut.blocked());
}

TEST_CASE("a loop that begins what it is sent is not blocked [W5]") {
  auto uut = loop_watch{};
  uut.sent(sent_at);
  CHECK(uut.next_due() == sent_at + 250ms);
  CHECK(!uut.look(sent_at + 249ms, sent_at));
  CHECK(!uut.look(sent_at + 250ms, never));
  CHECK(uut.next_due() == never);
  CHECK(!uut.blocked());
}

TEST_CASE("a call that does not begin in time means a blocked loop, which is said once [W5, W6]") {
  auto uut = loop_watch{};
  uut.sent(sent_at);
  CHECK(uut.look(sent_at + 250ms, sent_at));
  CHECK(uut.blocked());
  CHECK(uut.next_due() == never);
  uut.sent(sent_at + 300ms); // it was on its way
  CHECK(!uut.look(sent_at + 1s, sent_at + 300ms));
  CHECK(uut.blocked());
}

TEST_CASE("the oldest call that has not begun counts, not the first that was sent [W5]") {
  auto uut = loop_watch{};
  uut.sent(sent_at);
  uut.sent(sent_at + 100ms);
  CHECK(!uut.look(sent_at + 250ms, sent_at + 100ms));
  CHECK(uut.next_due() == sent_at + 350ms);
  CHECK(uut.look(sent_at + 350ms, sent_at + 100ms));
}

TEST_CASE("whatever it sends shows that it comes round [W5, W6]") {
  auto uut = loop_watch{};
  CHECK(!uut.on_results());
  uut.sent(sent_at);
  uut.look(sent_at + 250ms, sent_at);
  CHECK(uut.on_results());
  CHECK(!uut.blocked());
  CHECK(!uut.on_results());
  uut.sent(sent_at + 1s);
  CHECK(uut.look(sent_at + 2s, sent_at + 1s));
}

TEST_SUITE_END();
