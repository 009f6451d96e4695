#include "actors/core/units.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace snakepit;
using namespace snakepit::core;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("units");

TEST_CASE("durations carry their unit [E3]") {
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("5s") == 5s);
  CHECK(parse_duration("10m") == 10min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("7us") == 7us);
  CHECK(parse_duration("9ns") == 9ns);
  CHECK(parse_duration("0") == 0ns);
  CHECK(parse_duration("0ms") == 0ns);
  CHECK(parse_duration("infinite") == infinite);
  CHECK(parse_duration("1.5s") == 1500ms);
  CHECK(parse_duration("0.000001h") == 3600us);
  CHECK(parse_duration("87600h") == longest_duration);
}

TEST_CASE("what is no duration is refused, and the message says so [E3]") {
  for (auto text : {"",
                    " ",
                    "5",
                    "s",
                    "-5s",
                    "+5s",
                    "5 s",
                    "5S",
                    "5min",
                    "5d",
                    "1.s",
                    ".5s",
                    "1.5",
                    "1e3s",
                    "0x5s",
                    "5s ",
                    "Infinite",
                    "inf",
                    "1h30m",
                    "1.2345678s",
                    "0.5ns",
                    "99999999999999999999s",
                    "87601h",
                    "9223372036854775807ns",
                    "18446744073709551615h",
                    "1,5s",
                    "\xff"}) {
    CAPTURE(text);
    auto x = parse_duration(text);
    REQUIRE(!x);
    CHECK(x.error().starts_with("wanted a duration"));
  }
}

TEST_CASE("sizes carry their unit or are bytes [E3]") {
  CHECK(parse_size("0") == 0u);
  CHECK(parse_size("4096") == 4096u);
  CHECK(parse_size("512B") == 512u);
  CHECK(parse_size("64KiB") == 64u << 10);
  CHECK(parse_size("64MiB") == 64u << 20);
  CHECK(parse_size("1GiB") == uint64_t{1} << 30);
  CHECK(parse_size("2TiB") == uint64_t{2} << 40);
  CHECK(parse_size("1.5GiB") == uint64_t{3} << 29);
  CHECK(parse_size("18446744073709551615") == UINT64_MAX);
}

TEST_CASE("what is no size is refused, and the message says so [E3]") {
  for (auto text : {"", "MiB", "-1", "1MB", "1 MiB", "1mib", "1M", "0.5", "0.3KiB", "16777216TiB",
                    "18446744073709551616", "1e6", "64MiBs"}) {
    CAPTURE(text);
    auto x = parse_size(text);
    REQUIRE(!x);
    CHECK(x.error().starts_with("wanted a size"));
  }
}

TEST_CASE("counts are plain whole numbers of at most a billion [E3]") {
  CHECK(parse_count("0") == 0u);
  CHECK(parse_count("1000000000") == 1'000'000'000u);
  for (auto text : {"", "-1", "+1", "1.0", "1e3", "0x10", "1_000", " 1", "1 ", "one", "1000000001",
                    "99999999999999999999999"}) {
    CAPTURE(text);
    CHECK(!parse_count(text));
  }
}

TEST_CASE("formatted durations and sizes read as exactly the same value [E3]") {
  CHECK(format_duration(0ns) == "0");
  CHECK(format_duration(infinite) == "infinite");
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(2h) == "2h");
  CHECK(format_duration(1500us) == "1500us");
  CHECK(format_size(1000) == "1000");
  CHECK(format_size(uint64_t{256} << 20) == "256MiB");
  CHECK(rc::check("durations", [] {
    auto x = duration{*rc::gen::inRange<int64_t>(0, longest_duration.count() + 1)};
    RC_ASSERT(parse_duration(format_duration(x)) == x);
  }));
  CHECK(rc::check("round durations", [] {
    auto x = std::chrono::milliseconds{*rc::gen::inRange<int64_t>(0, 100'000'000)};
    RC_ASSERT(parse_duration(format_duration(x)) == duration{x});
  }));
  CHECK(rc::check("sizes", [](uint64_t x, uint8_t shift) {
    x <<= shift % 64;
    RC_ASSERT(parse_size(format_size(x)) == x);
  }));
}

TEST_SUITE_END();
