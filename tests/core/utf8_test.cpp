#include "actors/core/utf8.hpp"

#include <doctest/doctest.h>

#include <string>

using snakepit::core::utf8_sequence;

TEST_SUITE_BEGIN("utf8");

TEST_CASE("a valid sequence has the length of its first byte") {
  CHECK(utf8_sequence("a", 0) == 1);
  CHECK(utf8_sequence("a\xc3\xa9", 1) == 2);
  CHECK(utf8_sequence("\xe2\x82\xac", 0) == 3);
  CHECK(utf8_sequence("\xf0\x9f\x90\x8d", 0) == 4);
  CHECK(utf8_sequence(std::string(1, '\0'), 0) == 1);
  CHECK(utf8_sequence("\xf4\x8f\xbf\xbf", 0) == 4);
}

TEST_CASE("what is not UTF-8 has no length") {
  for (auto text : {"\x80", "\xff", "\xc3", "\xc3(", "\xe2\x82", "\xf0\x9f\x90", "\xc0\xaf",
                    "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                    "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    CAPTURE(text);
    CHECK(utf8_sequence(text, 0) == 0);
  }
}

TEST_SUITE_END();
