#include "actors/core/output_lines.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

using snakepit::core::output_lines;
using namespace std::chrono_literals;

namespace {

const output_lines::time_point origin{1000s};

struct output_lines_fixture {
  output_lines lines{"stdout"};
  std::vector<std::string> told;
  output_lines::sink out = [this](std::string_view x) { told.emplace_back(x); };

  void feed(std::string_view bytes, std::chrono::milliseconds at = 0ms) {
    lines.feed(bytes, origin + at, out);
  }
};

} // namespace

TEST_CASE_FIXTURE(output_lines_fixture, "lines are told without their ends, empty ones too [W8]") {
  feed("one\n\ntwo\r\nthr");
  CHECK(told == std::vector<std::string>{"one", "", "two\r"});
  feed("ee\n");
  CHECK(told.back() == "three");
  CHECK(told.size() == 4);
}

TEST_CASE_FIXTURE(output_lines_fixture, "what has no line end is told when the stream ends [W8]") {
  feed("half");
  CHECK(told.empty());
  lines.finish(origin, out);
  CHECK(told == std::vector<std::string>{"half"});
  lines.finish(origin, out);
  CHECK(told.size() == 1);
}

TEST_CASE_FIXTURE(output_lines_fixture,
                  "bytes are left as they are, null and invalid UTF-8 included [W8]") {
  const std::string odd{"a\0\xff\xfe\r\x1b", 6};
  feed(odd + "\n");
  CHECK(told == std::vector<std::string>{odd});
}

TEST_CASE_FIXTURE(output_lines_fixture,
                  "a line of exactly 16 KiB is whole, one byte more is cut [W8]") {
  const std::string full(output_lines::max_line, 'x');
  feed(full + "\n");
  CHECK(told.back() == full);
  feed(full + "y\n");
  CHECK(told.back() == full + " [snakepit: cut, 1 bytes more]");
  feed("next\n");
  CHECK(told.back() == "next");
}

TEST_CASE_FIXTURE(output_lines_fixture,
                  "a long line that comes in pieces is cut at the same place [W8]") {
  for (int i = 0; i < 100; ++i)
    feed(std::string(1000, 'x'));
  CHECK(told.empty());
  lines.finish(origin, out);
  CHECK(told.back()
        == std::string(output_lines::max_line, 'x') + " [snakepit: cut, "
             + std::to_string(100'000 - output_lines::max_line) + " bytes more]");
}

TEST_CASE_FIXTURE(output_lines_fixture,
                  "above 1000 lines in a second the rest is dropped and counted [W8]") {
  for (int i = 0; i < 1000; ++i)
    feed("x\n", 10ms);
  CHECK(told.size() == 1000);
  CHECK_FALSE(lines.due());
  for (int i = 0; i < 234; ++i)
    feed("y\n", 500ms);
  CHECK(told.size() == 1000);
  REQUIRE(lines.due());
  CHECK(*lines.due() == origin + 1010ms);
  lines.tell_dropped(origin + 1009ms, out);
  CHECK(told.size() == 1000);
  lines.tell_dropped(origin + 1010ms, out);
  CHECK(told.back() == "[snakepit: 234 lines of stdout dropped, more than 1000 in a second]");
  CHECK_FALSE(lines.due());
}

TEST_CASE_FIXTURE(output_lines_fixture,
                  "after a flood lines are told again, the count before them [W8]") {
  for (int i = 0; i < 1001; ++i)
    feed("x\n");
  feed("later\n", 1000ms);
  REQUIRE(told.size() == 1002);
  CHECK(told[1000] == "[snakepit: 1 lines of stdout dropped, more than 1000 in a second]");
  CHECK(told[1001] == "later");
}

TEST_CASE_FIXTURE(output_lines_fixture,
                  "a stream that ends in a flood says what was dropped [W8]") {
  for (int i = 0; i < 1005; ++i)
    feed("x\n");
  lines.finish(origin, out);
  CHECK(told.back() == "[snakepit: 5 lines of stdout dropped, more than 1000 in a second]");
}

TEST_CASE("how the bytes are cut into reads makes no difference [W8]") {
  rc::check([](const std::vector<std::string>& parts) {
    output_lines_fixture whole;
    output_lines_fixture pieces;
    std::string all;
    for (const auto& x : parts) {
      // Line ends are rare among random characters.
      auto bytes = x + (x.size() % 2 == 0 ? "\n" : "");
      all += bytes;
      pieces.feed(bytes);
    }
    whole.feed(all);
    whole.lines.finish(origin, whole.out);
    pieces.lines.finish(origin, pieces.out);
    RC_ASSERT(whole.told == pieces.told);
  });
}
