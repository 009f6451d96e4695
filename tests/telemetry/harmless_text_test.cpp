#include "telemetry/harmless_text.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

using namespace snakepit::telemetry;

namespace {

std::string harmless(std::string_view text) {
  auto out = std::string{};
  append_harmless(out, text);
  return out;
}

std::string json(std::string_view text) {
  auto out = std::string{};
  append_json(out, text);
  return out;
}

} // namespace

TEST_SUITE_BEGIN("harmless_text");

TEST_CASE("letters of all scripts and tabs stay as they are [T5]") {
  for (auto text :
       {"", "plain \\ \"text\"", "a\tb", "h\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x8d"})
    CHECK(harmless(text) == text);
  CHECK(json("a\"b\\c\td\xc3\xa9") == "\"a\\\"b\\\\c\\td\xc3\xa9\"");
}

TEST_CASE("what moves a cursor or breaks a line is written out [W8] [T5]") {
  CHECK(harmless("\x1b[2J\x07") == "\\x1b[2J\\x07");
  CHECK(harmless("a\nb\rc") == "a\\nb\\rc");
  CHECK(harmless(std::string_view{"a\0b", 3}) == "a\\x00b");
  CHECK(harmless("\x7f") == "\\x7f");
  CHECK(harmless("\xc2\x9b"
                 "31m")
        == "\\u009b31m");
  CHECK(harmless("\xe2\x80\xa8\xe2\x80\xae\xef\xbb\xbf") == "\\u2028\\u202e\\ufeff");
  CHECK(json("\x1b\n\xc2\x9b\xe2\x80\xae") == "\"\\u001b\\n\\u009b\\u202e\"");
}

TEST_CASE("what is not UTF-8 is written out, or replaced in JSON [W8] [T5]") {
  CHECK(harmless("a\xff\xc3") == "a\\xff\\xc3");
  CHECK(harmless("\xed\xa0\x80") == "\\xed\\xa0\\x80");
  CHECK(harmless("\xc0\xaf") == "\\xc0\\xaf");
  CHECK(harmless("\xe0\x9f\xbf") == "\\xe0\\x9f\\xbf");
  CHECK(harmless("\xf0\x8f\xbf\xbf") == "\\xf0\\x8f\\xbf\\xbf");
  CHECK(harmless("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(json("a\xff") == "\"a\\ufffd\"");
}

TEST_CASE("any bytes become valid JSON and text on one line [W8] [T5] [S5]") {
  CHECK(rc::check([](const std::string& bytes) {
    auto parsed = nlohmann::json::parse(json(bytes));
    RC_ASSERT(parsed.is_string());
    auto text = harmless(bytes);
    for (auto c : text)
      RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 || c == '\t');
    // Throws if the text is not UTF-8.
    RC_ASSERT(!nlohmann::json(text).dump().empty());
    RC_ASSERT(harmless(text) == text);
  }));
}

TEST_CASE("long texts are cut, not within a letter, and say so [W8]") {
  CHECK(cut("abc", 3) == "abc");
  CHECK(cut("abcd", 3) == "abc... (1 bytes more)");
  CHECK(cut("ab\xc3\xa9", 3) == "ab... (2 bytes more)");
  CHECK(cut("\x80\x80\x80\x80\x80", 4).ends_with("bytes more)"));
}

TEST_SUITE_END();
