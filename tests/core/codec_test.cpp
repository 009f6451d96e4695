#include "actors/core/codec.hpp"

#include <snakepit/json.hpp>
#include <snakepit/runtime.hpp>

#include <ctime>

#include <doctest/doctest.h>

using namespace snakepit;

namespace {

std::string repeat(std::string_view piece, size_t count) {
  std::string out;
  out.reserve(piece.size() * count);
  for (size_t i = 0; i < count; ++i)
    out += piece;
  return out;
}

} // namespace

TEST_CASE("text is written without white space, keys in order [D1]") {
  value x{{"b", value::list{1, -2, 1.0, 0.1, 1e22, true, nullptr}}, {"a", "\"\\\n\x01/ä"}};
  CHECK(*to_json(x) == R"({"a":"\"\\\n\u0001/ä","b":[1,-2,1.0,0.1,1e+22,true,null]})");
  CHECK(*to_json(value::map{}) == "{}");
  CHECK(*to_json(value::list{}) == "[]");
}

TEST_CASE("an error names what it met and where [D1]") {
  CHECK(parse_json(R"({"a": {"b": [1, 2, 3, 1e400]}})").error().message
        == "$.a.b[3]: the number 1e400 is too large for a double");
  CHECK(parse_json(repeat("9", 100)).error().message
        == "$: the integer 99999999999999999999999999999999... does not fit into 64 bits");
  CHECK(parse_json(R"({"a": [1 2]})").error().message == "$.a: expected `,` or `]`, found `2]}`");
  CHECK(parse_json("[1").error().message == "$: expected `,` or `]`, found the end of the text");
  CHECK(parse_json("[nope]").error().message == "$[0]: expected a value, found `nope]`");
  CHECK(parse_json("[\x07]").error().message == "$[0]: expected a value, found the byte 0x07");
  CHECK(parse_json("\xef\xbb\xbf{}").error().message
        == "$: expected a value, found a byte order mark; save the text as UTF-8 without one");
  CHECK(parse_json("{\"a\":-Infinity}").error().message
        == "$.a: JSON has no NaN and no infinities");
  CHECK(parse_json(R"({"a": 1, "a": 2})").error().message == "$.a: the key occurs twice");
  CHECK(parse_json("[1, 2, x]").error().details.at("offset") == "7");
  CHECK(parse_json(R"({"$": ["comp\nlex\u00e9"]})").error().message
        == "$: unknown \"$\" object `comp?lex??`");
}

TEST_CASE("messages stay one short line whatever the text holds [D1]") {
  auto key = repeat("k\\n", 1 << 16);
  auto message = parse_json("{\"" + key + "\": nope}").error().message;
  CHECK(message.size() < 300);
  CHECK(message.find('\n') == std::string::npos);
}

TEST_CASE("the limit of depth can be set [D1]") {
  CHECK(core::check_text("[[1]]", 2).has_value());
  CHECK_FALSE(core::check_text("[[[1]]]", 2).has_value());
  CHECK_FALSE(core::decode("[[[1]]]", {}, core::dialect::wire, 2).has_value());
  CHECK(core::decode(R"([[{"$":["bytes",0]}]])", {"x"}, core::dialect::wire, 2).has_value());
  CHECK_FALSE(core::decode(R"([[{"$":["map",{"$":1}]}]])", {}, core::dialect::wire, 2).has_value());
  CHECK_FALSE(core::encode(value::list{value::list{value::list{}}}, 2).has_value());
}

TEST_CASE("a dollar beside other keys does not deepen what may lie in it [D1]") {
  auto text = "{\"$\":" + repeat("[", 100) + repeat("]", 100) + ",\"a\":1}";
  CHECK_FALSE(core::decode(text).has_value());
  auto facts = core::check_text(text);
  CHECK((!facts || facts->has_dollar)); // then it is decoded
}

TEST_CASE("any nesting is an error and not a crash [D1]") {
  constexpr size_t deep = 1'000'000;
  for (auto piece :
       {"[", "{\"a\":", "{\"$\":", "{\"$\":[\"map\",", "{\"$\":[\"map\",{\"$\":", "[[{\"$\":"}) {
    CAPTURE(piece);
    auto text = repeat(piece, deep);
    CHECK_FALSE(core::check_text(text).has_value());
    CHECK_FALSE(core::decode(text).has_value());
    CHECK_FALSE(parse_json(text).has_value());
  }
}

TEST_CASE("a text says whether it holds dollar objects [D1]") {
  auto has_dollar = [](std::string_view text) { return core::check_text(text)->has_dollar; };
  CHECK(has_dollar(R"({"$": 1})"));
  CHECK(has_dollar(R"([{"a": {"\u0024": ["bytes", 0]}}])"));
  CHECK_FALSE(has_dollar(R"({"$": 1, "a": 2})"));
  CHECK_FALSE(has_dollar(R"({"a": "$", "$a": ["$"]})"));
}

TEST_CASE("bytes are moved out of what is given away [D1]") {
  std::string data(1000, 'x');
  auto place = data.data();
  value::map arguments;
  arguments["a"] = bytes{std::move(data)};
  auto x = core::encode(std::move(arguments));
  REQUIRE(x.has_value());
  CHECK(x->attachments.at(0).data() == place);
  auto back = core::decode(x->text, std::move(x->attachments));
  CHECK(back->at("a").as<bytes>().data.data() == place);
}

TEST_CASE("a payload is decoded, and shown to people with base64 [D1]") {
  payload x{false, R"({"n":1,"data":{"$":["bytes",0]}})", {std::string("\0\xff", 2)}};
  CHECK(x.to_value()->at("data") == value{bytes{std::string("\0\xff", 2)}});
  CHECK(*x.to_json() == R"({"data":{"$":["base64","AP8="]},"n":1})");
  CHECK(*payload{false, R"({ "b": 1, "a": 2 })"}.to_json() == R"({ "b": 1, "a": 2 })");
  CHECK(*payload{false, R"({"$":["map",{"$":1}]})"}.to_json() == R"({"$":["map",{"$":1}]})");
  CHECK(*payload{true, "\xff"}.to_value() == value{bytes{"\xff"}});
  CHECK(*payload{true, "\xff"}.to_json() == R"({"$":["base64","/w=="]})");
}

TEST_CASE("a result that is not valid is the worker's fault [D1]") {
  for (auto& x : {payload{false, "{"}, payload{false, ""}, payload{false, "1", {"x"}},
                  payload{false, R"({"$":["base64",""]})"}}) {
    CHECK(x.to_value().error().reason == reason::protocol_error);
    CHECK(x.to_json().error().reason == reason::protocol_error);
  }
  CHECK(payload{false, "[NaN]"}.to_json().error().message
        == "the worker's result is not valid: $[0]: JSON has no NaN and no infinities");
}

/// Whether eight times the size takes less than 32 times the processor time: about 8 times is in
/// proportion, 64 times would be the square. No bound in seconds, since the machine may be busy.
template <class Work>
bool grows_in_proportion(Work work, size_t size) {
  auto time_of = [&](size_t n) {
    auto begun = std::clock();
    work(n);
    return static_cast<double>(std::clock() - begun);
  };
  auto small = time_of(size / 8);
  return time_of(size) < 32 * small;
}

TEST_CASE("large texts take time in proportion to their size [D1]") {
  auto work = [](size_t size) {
    CHECK(core::check_text("\"" + std::string(size, 'x') + "\"").has_value());
    CHECK(core::check_text("[" + repeat("12345,", size / 6) + "1]").has_value());
    CHECK_FALSE(core::check_text(repeat("[[],", size / 4)).has_value());
    CHECK_FALSE(core::check_text(std::string(size, '9')).has_value());
    CHECK(core::check_text(std::string(size, '9') + ".0e-400").has_value() == false);
    CHECK(core::decode("\"" + repeat("\xc3\xa4", size / 2) + "\"")->as<std::string>().size()
          == size);
  };
  CHECK(grows_in_proportion(work, size_t{100} << 20));
}

TEST_CASE("many keys are compared in time in proportion to their number [D1]") {
  auto work = [](size_t keys) {
    std::string text = "{";
    for (size_t i = 0; i < keys; ++i)
      text += "\"a long and common beginning " + std::to_string(i) + "\":0,";
    CHECK(core::check_text(text + "\"z\":0}").has_value());
    CHECK(core::check_text(text + "\"a long and common beginning 77\":0}")
            .error()
            .message.ends_with("the key occurs twice"));
  };
  CHECK(grows_in_proportion(work, 1'000'000));
}
