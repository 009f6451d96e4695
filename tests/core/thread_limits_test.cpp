#include "actors/core/thread_limits.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace snakepit;
using core::environment_layers;
using core::thread_limits;

namespace {

std::string common(const pool_config& pool, size_t workers, size_t processors) {
  auto limits = thread_limits(pool, workers, processors, {});
  CHECK(limits.size() == 5);
  for (auto& [name, value] : limits)
    CHECK(value == limits.at("OMP_NUM_THREADS"));
  return limits.at("OMP_NUM_THREADS");
}

pool_config threads(size_t lanes) {
  auto x = pool_config{};
  x.profile = "thread";
  x.lanes = lanes;
  return x;
}

} // namespace

TEST_CASE("workers with one lane have one thread for numbers [W5]") {
  CHECK(common({}, 4, 16) == "1");
}

TEST_CASE("coroutines compute one at a time and have one thread for numbers [W5]") {
  auto pool = threads(100);
  pool.profile = "async";
  CHECK(common(pool, 1, 400) == "1");
}

TEST_CASE("all lanes of a pool share the processors [W5]") {
  CHECK(common(threads(1), 1, 16) == "16");
  CHECK(common(threads(4), 2, 16) == "2");
  CHECK(common(threads(3), 2, 16) == "2");
  CHECK(common(threads(8), 4, 16) == "1");
}

TEST_CASE("a number is taken as it is, and `off` sets nothing [W5]") {
  auto pool = threads(4);
  pool.threads_env = "3";
  CHECK(common(pool, 2, 16) == "3");
  pool.threads_env = "off";
  CHECK(thread_limits(pool, 2, 16, {}).empty());
}

TEST_CASE("what a user has set stays, and what follows it is left alone [W5]") {
  auto layers = environment_layers{};
  SUBCASE("in the host's environment") {
    layers.host = {"OMP_NUM_THREADS=7"};
  }
  SUBCASE("in the configuration") {
    layers.configured = {{"OMP_NUM_THREADS", "7"}};
  }
  CHECK(thread_limits({}, 1, 4, layers).empty());
}

TEST_CASE("a library that a user has bounded is no business of ours, others are [W5]") {
  auto layers = environment_layers{};
  layers.host = {"MKL_NUM_THREADS=7", "OMP_NUM_THREADS_X=1"};
  layers.configured = {{"NUMEXPR_NUM_THREADS", "8"}};
  layers.suggested = thread_limits({}, 1, 4, layers);
  auto all = core::merge_environment(layers);
  for (auto entry : {"MKL_NUM_THREADS=7", "NUMEXPR_NUM_THREADS=8", "OMP_NUM_THREADS=1",
                     "OPENBLAS_NUM_THREADS=1", "VECLIB_MAXIMUM_THREADS=1"})
    CHECK(std::count(all.begin(), all.end(), entry) == 1);
  CHECK(all.size() == 6);
}
