#include "actors/cli/timing.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;

TEST_CASE("a percentile is a time that was measured [E4]") {
  cli::latencies hundred;
  for (int i = 1; i <= 100; ++i)
    hundred.push_back(std::chrono::nanoseconds{i});
  CHECK(cli::percentile(hundred, 0.5) == 50ns);
  CHECK(cli::percentile(hundred, 0.9) == 90ns);
  CHECK(cli::percentile(hundred, 0.99) == 99ns);
  CHECK(cli::percentile(hundred, 1) == 100ns);
  CHECK(cli::percentile({7ns}, 0.5) == 7ns);
  CHECK(cli::percentile({1ns, 2ns, 3ns}, 0.5) == 2ns);
  CHECK(cli::percentile({1ns, 2ns}, 0) == 1ns);
}

TEST_CASE("calls per second are counted over the time that was taken [E4]") {
  CHECK(cli::throughput{.calls = 10, .span = 2s}.per_second() == doctest::Approx(5));
}
