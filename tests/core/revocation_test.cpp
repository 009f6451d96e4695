#include "actors/core/revocation.hpp"

#include "actors/core/lane_watch.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::lane_watch;
using core::revocation;
using core::time_point;

TEST_SUITE_BEGIN("revocation");

namespace {

constexpr auto revocation_t0 = time_point{} + 1h;

} // namespace

TEST_CASE("what is above limit and claim is taken, and the last report ends it [Q7]") {
  auto uut = revocation{};
  CHECK(!uut.active());
  uut.begin(3, 6, 9); // 1 to 5 and 6 to 9 were sent
  CHECK(uut.looking());
  CHECK(uut.decide(3) == 3);
  CHECK(uut.active());
  CHECK(uut.on_report(4) == 3);
  CHECK(uut.active());
  CHECK(uut.on_report(6) == 3);
  CHECK(!uut.active());
}

TEST_CASE("a call that was claimed meanwhile is left until it ends or is reported [Q7]") {
  auto uut = revocation{};
  uut.begin(3, 1, 5);
  CHECK(uut.decide(4) == 4);
  SUBCASE("it ran") {
    uut.on_final(4);
    CHECK(uut.active());
    CHECK(uut.on_report(5) == 4);
  }
  SUBCASE("it was given back") {
    CHECK(uut.on_report(4) == 3);
  }
  CHECK(!uut.active());
}

TEST_CASE("a worker that claims the last call before it can see the limit ends it so [Q7]") {
  auto uut = revocation{};
  uut.begin(3, 1, 4);
  CHECK(uut.decide(4) == 4);
  uut.on_final(4);
  CHECK(!uut.active());
}

TEST_CASE("a report decides while the claim is still being looked at [Q7]") {
  auto uut = revocation{};
  uut.begin(3, 1, 5);
  CHECK(uut.on_report(4) == 3);
  CHECK(!uut.active());
}

TEST_CASE("a report of what had begun before is not believed [Q7]") {
  auto uut = revocation{};
  uut.begin(3, 1, 5);
  uut.decide(3);
  CHECK(uut.on_report(1) == 3);
}

TEST_CASE("without a barrier the claim must not have moved [Q7]") {
  auto uut = revocation{};
  uut.begin(3, 1, 9);
  CHECK(!uut.is_steady(4));
  CHECK(!uut.is_steady(5));
  CHECK(uut.is_steady(5));
  CHECK(uut.decide(5) == 5);
}

TEST_CASE("a call that ran at a look long ago keeps those behind it [P4]") {
  auto uut = lane_watch{2ms};
  CHECK(!uut.look(revocation_t0, 3, 2, 2, false));
  CHECK(!uut.look(revocation_t0 + 1ms, 3, 2, 2, false));
  CHECK(uut.look(revocation_t0 + 2ms, 3, 2, 2, false).revoke);
  CHECK(uut.look(revocation_t0 + 4ms, 3, 2, 2, false).revoke);
  CHECK(!uut.look(revocation_t0 + 6ms, 4, 3, 3, false)); // another one
  CHECK(!uut.look(revocation_t0 + 9ms, 4, 4, 4, false)); // none
  CHECK(!uut.look(revocation_t0 + 12ms, 5, 4, 4, false));
}

TEST_CASE("what others would run at once is taken back at the first look [P4]") {
  auto uut = lane_watch{1h};
  CHECK(uut.look(revocation_t0, 3, 2, 2, true).revoke);
  CHECK(!uut.look(revocation_t0 + 1ms, 3, 2, 2, false));
  CHECK(uut.look(revocation_t0 + 2ms, 3, 2, 2, true).revoke);
  CHECK(uut.look(revocation_t0 + 3ms, 4, 3, 3, true).revoke); // another one
  CHECK(!uut.look(revocation_t0 + 4ms, 4, 4, 4, true));       // none
}

TEST_CASE("finals that the stream has not brought since the last look are read [Q7]") {
  auto uut = lane_watch{1h};
  CHECK(!uut.look(revocation_t0, 3, 2, 1, false).read_journal); // they may be on their way
  CHECK(uut.look(revocation_t0 + 2ms, 3, 2, 1, false).read_journal);
  CHECK(!uut.look(revocation_t0 + 4ms, 3, 2, 2, false).read_journal);
  CHECK(!uut.look(revocation_t0 + 6ms, 5, 4, 2, false).read_journal);
  CHECK(!uut.look(revocation_t0 + 8ms, 7, 6, 4, false).read_journal); // both go on
}

TEST_SUITE_END();
