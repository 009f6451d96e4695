#include "actors/core/restart_window.hpp"

#include <doctest/doctest.h>

using namespace snakepit::core;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("restart_window");

namespace {

const auto restart_window_t0 = restart_window::time_point{} + 1h;

} // namespace

TEST_CASE("allows `intensity` restarts at once and refuses the next") {
  auto uut = restart_window{2, 5s};
  CHECK(uut.admit(restart_window_t0));
  CHECK(uut.admit(restart_window_t0));
  CHECK_FALSE(uut.admit(restart_window_t0));
}

TEST_CASE("an intensity of 0 allows none") {
  CHECK_FALSE(restart_window{0, 5s}.admit(restart_window_t0));
}

TEST_CASE("a restart counts for the whole of `period` and not longer") {
  auto at_the_end = restart_window{1, 5s};
  CHECK(at_the_end.admit(restart_window_t0));
  CHECK_FALSE(at_the_end.admit(restart_window_t0 + 5s));
  auto later = restart_window{1, 5s};
  CHECK(later.admit(restart_window_t0));
  CHECK(later.admit(restart_window_t0 + 5s + 1ns));
}

TEST_CASE("the window slides: each restart is forgotten on its own") {
  auto uut = restart_window{2, 10s};
  CHECK(uut.admit(restart_window_t0));
  CHECK(uut.admit(restart_window_t0 + 6s));
  CHECK(uut.admit(restart_window_t0 + 11s));
  CHECK_FALSE(uut.admit(restart_window_t0 + 12s));
}

TEST_CASE("a period of 0 still counts restarts of the same instant") {
  auto uut = restart_window{1, 0s};
  CHECK(uut.admit(restart_window_t0));
  CHECK_FALSE(uut.admit(restart_window_t0));
  CHECK(uut.admit(restart_window_t0 + 1ns));
}

TEST_SUITE_END();
