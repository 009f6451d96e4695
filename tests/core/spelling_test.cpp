#include "actors/core/spelling.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace snakepit::core;

namespace {

const auto keys = std::vector<std::string>{"instance", "python", "timeouts", "pools", "log"};

} // namespace

TEST_SUITE_BEGIN("spelling");

TEST_CASE("distance counts letters changed, added, dropped and swapped") {
  CHECK(edit_distance("pools", "pools") == 0);
  CHECK(edit_distance("pols", "pools") == 1);
  CHECK(edit_distance("poools", "pools") == 1);
  CHECK(edit_distance("popls", "pools") == 1);
  CHECK(edit_distance("polos", "pools") == 1);
  CHECK(edit_distance("POOLS", "pools") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
}

TEST_CASE("the nearest known word is suggested, and none if none is near [E3]") {
  CHECK(nearest("pols", keys) == "pools");
  CHECK(nearest("timeout", keys) == "timeouts");
  CHECK(nearest("Log", keys) == "log");
  CHECK(nearest("inst", keys) == "instance");
  CHECK(nearest("pyhton", keys) == "python");
  CHECK(!nearest("gateway", keys));
  CHECK(!nearest("x", keys));
  CHECK(!nearest("", keys));
  CHECK(!nearest("abc", {"x", ""}));
  CHECK(suggestion("pols", keys) == "; did you mean `pools`?");
  CHECK(suggestion("gateway", keys).empty());
}

TEST_CASE("a huge word from outside is compared in bounded time") {
  auto huge = std::string(10'000'000, 'p');
  CHECK(!nearest(huge, {"log", std::string(100, 'x')}));
}

TEST_CASE("words from outside cannot do harm in a message [E3]") {
  CHECK(in_quotes("plain") == "`plain`");
  CHECK(in_quotes("h\xc3\xa9") == "`h\xc3\xa9`");
  CHECK(in_quotes("\x1b[2J") == "`\\x1b[2J`");
  CHECK(in_quotes("a\nb\t") == "`a\\x0ab\\x09`");
  CHECK(in_quotes("\x7f\xff") == "`\\x7f\\xff`");
  CHECK(in_quotes("\xc2\x9b") == "`\\xc2\\x9b`");
  CHECK(in_quotes(std::string(100, 'x')) == "`" + std::string(60, 'x') + "...`");
  // Never cut within a letter.
  CHECK(in_quotes(std::string(59, 'x') + "\xc3\xa9") == "`" + std::string(59, 'x') + "...`");
}

TEST_CASE("lists read like a sentence") {
  CHECK(listed({}) == "");
  CHECK(listed({"a"}) == "`a`");
  CHECK(listed({"a", "b"}) == "`a` and `b`");
  CHECK(listed({"a", "b", "c"}, "or") == "`a`, `b` or `c`");
}

TEST_SUITE_END();
