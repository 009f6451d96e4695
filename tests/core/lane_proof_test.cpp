#include "actors/core/lane_proof.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::lane_proof;
using core::time_point;
using advice = core::lane_proof::advice;

namespace {

constexpr auto hour_one = time_point{} + 1h;

/// A probe after 30 idle seconds, ten to run it, heartbeats that are answered at once.
struct lane_proof_fixture {
  lane_proof uut{30s, 10s, hour_one};

  advice look(duration at, bool idle = true, bool silent = false) {
    return uut.look(hour_one + at, idle,
                    {.on = true, .silent = silent, .proved_at = hour_one + at});
  }
  void send() {
    REQUIRE(look(30s) == advice::send);
  }
};

} // namespace

TEST_SUITE_BEGIN("lane_proof");

TEST_CASE_FIXTURE(lane_proof_fixture, "an idle lane is probed every interval [W7]") {
  CHECK(look(29s) == advice::nothing);
  CHECK(look(30s) == advice::send);
  CHECK(!uut.on_results(hour_one + 31s));
  CHECK(look(60s) == advice::nothing);
  CHECK(look(61s) == advice::send);
}

TEST_CASE_FIXTURE(lane_proof_fixture, "a lane that works needs no probe [W7]") {
  uut.on_results(hour_one + 29s);
  CHECK(look(58s) == advice::nothing);
  CHECK(look(59s, false) == advice::nothing);
  CHECK(uut.next_due() == hour_one + 89s);
}

TEST_CASE_FIXTURE(lane_proof_fixture, "a late probe holds its lane until it ends [W7]") {
  send();
  CHECK(!uut.held());
  CHECK(look(30s + lane_proof::late_after) == advice::hold);
  CHECK(uut.held());
  CHECK(look(35s) == advice::nothing);
  CHECK(uut.on_results(hour_one + 36s));
  CHECK(!uut.held());
}

TEST_CASE_FIXTURE(lane_proof_fixture,
                  "a probe that does not end in time has failed, told once [W7]") {
  send();
  look(31s);
  CHECK(look(39s) == advice::nothing);
  CHECK(look(40s) == advice::fail);
  CHECK(uut.failed());
  CHECK(uut.next_due() == core::never);
  CHECK(look(99s) == advice::nothing);
  CHECK(uut.on_results(hour_one + 100s)); // it did run it in the end
  CHECK(!uut.failed());
}

TEST_CASE_FIXTURE(lane_proof_fixture,
                  "while no heartbeat is answered they judge, not the probe [W6] [W7]") {
  send();
  look(31s);
  CHECK(look(40s, true, true) == advice::nothing);
  CHECK(look(49s) == advice::nothing);
  CHECK(look(50s) == advice::fail); // ten seconds after it began to answer again
}

TEST_CASE_FIXTURE(lane_proof_fixture,
                  "a probe fails only if a heartbeat that went out later is answered [W7]") {
  send();
  look(31s);
  auto control = lane_proof::control{.on = true, .silent = false, .proved_at = hour_one + 39s};
  CHECK(uut.look(hour_one + 40s, true, control) == advice::nothing);
  CHECK(uut.look(hour_one + 41s, true, control) == advice::nothing);
  control.proved_at = hour_one + 41s;
  CHECK(uut.look(hour_one + 42s, true, control) == advice::fail);
}

TEST_CASE("without heartbeats a probe's time alone decides [W7]") {
  auto uut = lane_proof{30s, 10s, hour_one};
  CHECK(uut.look(hour_one + 30s, true, {}) == advice::send);
  CHECK(uut.look(hour_one + 31s, true, {}) == advice::hold);
  CHECK(uut.look(hour_one + 40s, true, {}) == advice::fail);
}

TEST_CASE("without an interval no lane is probed [W7]") {
  CHECK(lane_proof{infinite, 10s, hour_one}.next_due() == core::never);
  CHECK(lane_proof{}.next_due() == core::never);
}

TEST_SUITE_END();
