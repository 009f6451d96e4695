#include "actors/core/supervision.hpp"

#include <doctest/doctest.h>

using namespace snakepit::core;

TEST_SUITE_BEGIN("supervision");

TEST_CASE("the restart type decides by the kind of end") {
  CHECK(must_restart(restart_type::permanent, true));
  CHECK(must_restart(restart_type::permanent, false));
  CHECK_FALSE(must_restart(restart_type::transient, true));
  CHECK(must_restart(restart_type::transient, false));
  CHECK_FALSE(must_restart(restart_type::temporary, true));
  CHECK_FALSE(must_restart(restart_type::temporary, false));
}

TEST_CASE("the strategy decides who goes with the one that ended") {
  CHECK(restarted_with(restart_strategy::one_for_one, 1, 4) == child_range{1, 2});
  CHECK(restarted_with(restart_strategy::one_for_all, 1, 4) == child_range{0, 4});
  CHECK(restarted_with(restart_strategy::rest_for_one, 1, 4) == child_range{1, 4});
  CHECK(restarted_with(restart_strategy::rest_for_one, 3, 4) == child_range{3, 4});
}

TEST_CASE("a grace is a time, nothing, or without end") {
  CHECK(shutdown_grace{} != shutdown_grace::brutal());
  CHECK(shutdown_grace{} != shutdown_grace::infinite());
  CHECK(shutdown_grace::brutal() != shutdown_grace::infinite());
}

TEST_SUITE_END();
