#include "actors/cli/units.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;

TEST_CASE("a time is a number with its unit [E4]") {
  CHECK(cli::parse_duration("250ms") == 250ms);
  CHECK(cli::parse_duration("5s") == 5s);
  CHECK(cli::parse_duration("1.5s") == 1500ms);
  CHECK(cli::parse_duration("2h") == 2h);
  CHECK(cli::parse_duration("0s") == 0s);
  CHECK(cli::parse_duration("infinite") == infinite);
  CHECK(cli::parse_duration("99999999999d") == infinite);
}

TEST_CASE("what is no time is refused, a number without a unit too [E4]") {
  for (auto* text : {"", "5", "s", "-1s", "5 s", "5x", "nan", "inf", "1e3s", "5ss"}) {
    CAPTURE(text);
    CHECK_FALSE(cli::parse_duration(text));
  }
}

TEST_CASE("numbers are grouped by thousands") {
  CHECK(cli::grouped(0) == "0");
  CHECK(cli::grouped(999) == "999");
  CHECK(cli::grouped(1000) == "1,000");
  CHECK(cli::grouped(1234567) == "1,234,567");
}

TEST_CASE("sizes are short") {
  CHECK(cli::bytes_text(0) == "0 B");
  CHECK(cli::bytes_text(1023) == "1023 B");
  CHECK(cli::bytes_text(1536) == "1.5 KiB");
  CHECK(cli::bytes_text(uint64_t{512} << 20) == "512 MiB");
  CHECK(cli::bytes_text(uint64_t{5000} << 40) == "5000 TiB");
}

TEST_CASE("a short time is shown in the unit that suits it [P6]") {
  CHECK(cli::short_time(0ns) == "0us");
  CHECK(cli::short_time(850us) == "850us");
  CHECK(cli::short_time(12500us) == "12.5ms");
  CHECK(cli::short_time(250ms) == "250ms");
  CHECK(cli::short_time(3200ms) == "3.2s");
}

TEST_CASE("a span is shown as on a clock") {
  CHECK(cli::clock_text(7s) == "0:07");
  CHECK(cli::clock_text(750s) == "12:30");
  CHECK(cli::clock_text(11100s) == "3:05:00");
}
