#include "actors/cli/progress.hpp"

#include <doctest/doctest.h>

using namespace snakepit;

namespace {

cli::progress half_way() {
  cli::progress x;
  x.items = 1234;
  x.elapsed = std::chrono::seconds{12};
  x.rate = 512.4;
  x.share = 0.5;
  return x;
}

} // namespace

TEST_CASE("the bar tells rate, errors and the time left [E4]") {
  auto x = half_way();
  x.errors = 1;
  auto line = cli::draw(x, 100);
  CHECK(line == "[###############---------------]  50% 1,234 items  512/s  1 error  0:12 left");
}

TEST_CASE("without a known size there is no bar but the time that has passed [E4]") {
  auto x = half_way();
  x.share.reset();
  x.rate = 0.25;
  CHECK(cli::draw(x, 80) == "1,234 items  0.2/s  0:12");
}

TEST_CASE("the bar never wraps, however narrow the terminal is [E4]") {
  auto x = half_way();
  x.errors = 1234567;
  x.retries = 7654321;
  for (size_t width = 0; width < 200; ++width) {
    CAPTURE(width);
    CHECK(cli::draw(x, width).size() <= (width == 0 ? 0 : width - 1));
  }
}

TEST_CASE("the summary names what failed") {
  auto x = half_way();
  x.errors = 3;
  x.retries = 1;
  CHECK(cli::summary(x) == "1,234 items in 12.0 s (103/s), 3 failed, 1 retry");
}
