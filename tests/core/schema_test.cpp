#include "actors/core/schema.hpp"

#include <snakepit/json.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace snakepit;
using core::argument_schema;

namespace {

argument_schema compiled(std::string_view text, std::string_view tool = "count") {
  auto x = argument_schema::compile(text, tool);
  REQUIRE_MESSAGE(x.has_value(), (x ? "" : x.error().message));
  return *x;
}

/// A schema of one parameter `x`.
argument_schema of_x(const std::string& schema) {
  return compiled(R"({"type": "object", "properties": {"x": )" + schema + "}}");
}

/// What the checks say of arguments, "" if they fit: of the text and of the value, which must
/// agree.
std::string verdict(const argument_schema& schema, const std::string& text) {
  auto of_text = schema.check_for_people(text);
  auto x = parse_json(text);
  if (!x) {
    REQUIRE_FALSE(of_text.has_value());
    return of_text.error().message;
  }
  auto of_value = schema.check(*x);
  REQUIRE(of_text.has_value() == of_value.has_value());
  auto wire = core::encode(*x);
  REQUIRE(wire.has_value());
  REQUIRE(schema.check(wire->text, wire->attachments.size()).has_value() == of_value.has_value());
  if (of_text)
    return "";
  CHECK(of_text.error().reason == of_value.error().reason);
  CHECK(of_text.error().message == of_value.error().message);
  return of_text.error().message;
}

std::string verdict_of_x(const argument_schema& schema, const std::string& x) {
  return verdict(schema, "{\"x\": " + x + "}");
}

constexpr auto count_schema = R"({"type": "object", "properties": {"text": {"type": "string"},
  "n": {"type": "integer", "default": 1}, "mode": {"enum": ["fast", "exact"], "default": "fast"}},
  "required": ["text"], "additionalProperties": false})";

} // namespace

TEST_CASE("arguments that fit their schema pass [D2]") {
  auto schema = compiled(count_schema);
  CHECK(verdict(schema, R"({"text": "hi"})") == "");
  CHECK(verdict(schema, R"({"n": 3, "mode": "exact", "text": ""})") == "");
}

TEST_CASE("a missing parameter is named, with the signature [D2]") {
  auto schema = compiled(count_schema);
  CHECK(verdict(schema, "{}") == "`text` is missing: count(text, n=1, mode=\"fast\")");
  auto got = schema.check(value{{"n", 3}});
  CHECK(got.error().reason == reason::schema_mismatch);
  CHECK(got.error().details.at("parameter") == "text");
  CHECK(got.error().details.at("path") == "$");
}

TEST_CASE("an unexpected parameter is named [D2]") {
  auto schema = compiled(count_schema);
  CHECK(verdict(schema, R"({"text": "hi", "zzz": 1})")
        == "there is no `zzz`: count(text, n=1, mode=\"fast\")");
  CHECK(verdict(schema, R"({"txet": "hi"})")
        == "there is no `txet`; did you mean `text`? count(text, n=1, mode=\"fast\")");
  auto got = schema.check(value{{"text", "hi"}, {"a b", 3}});
  CHECK(got.error().details.at("parameter") == "a b");
  CHECK(got.error().details.at("path") == "$[\"a b\"]");
}

TEST_CASE("a wrong type says what was wanted, what came, and where [D2]") {
  auto schema = compiled(count_schema);
  CHECK(verdict(schema, R"({"text": "hi", "n": "3"})") == "$.n: must be an integer, not a string");
  CHECK(verdict(schema, R"({"text": 1})") == "$.text: must be a string, not an integer");
  auto got = schema.check(value{{"text", value::list{}}});
  CHECK(got.error().reason == reason::schema_mismatch);
  CHECK(got.error().details.at("path") == "$.text");
}

TEST_CASE("every type fits itself and nothing else [D2]") {
  struct row {
    const char* word;
    const char* value;
  };
  constexpr row rows[] = {{"null", "null"},  {"boolean", "true"}, {"integer", "1"},
                          {"number", "1.0"}, {"string", "\"1\""}, {"array", "[]"},
                          {"object", "{}"}};
  for (auto& wanted : rows) {
    auto schema = of_x("{\"type\": \"" + std::string{wanted.word} + "\"}");
    for (auto& given : rows) {
      CAPTURE(wanted.word);
      CAPTURE(given.value);
      bool integer_as_number = wanted.word == rows[3].word && given.word == rows[2].word;
      bool same = wanted.word == given.word || integer_as_number;
      CHECK((verdict_of_x(schema, given.value) == "") == same);
    }
    CHECK(verdict_of_x(schema, R"({"$": ["base64", ""]})") != "");
    CHECK(verdict_of_x(schema, R"({"$": ["marker", "a.B", ""]})") != "");
  }
}

TEST_CASE("numbers are not converted [D2]") {
  auto integer = of_x(R"({"type": "integer"})");
  CHECK(verdict_of_x(integer, "1.0") == "$.x: must be an integer, not a number");
  CHECK(verdict_of_x(integer, "1e2") != "");
  CHECK(verdict_of_x(integer, "true") == "$.x: must be an integer, not a boolean");
  CHECK(verdict_of_x(integer, "18446744073709551615") == "");
  CHECK(verdict_of_x(integer, "-9223372036854775808") == "");
  auto number = of_x(R"({"type": "number"})");
  CHECK(verdict_of_x(number, "1") == "");
  CHECK(verdict_of_x(number, "18446744073709551615") == "");
  CHECK(verdict_of_x(number, "false") == "$.x: must be a number, not a boolean");
}

TEST_CASE("a list of types fits each of them [D2]") {
  auto schema = of_x(R"({"type": ["integer", "null", "array"]})");
  CHECK(verdict_of_x(schema, "1") == "");
  CHECK(verdict_of_x(schema, "null") == "");
  CHECK(verdict_of_x(schema, "[1]") == "");
  CHECK(verdict_of_x(schema, "true") == "$.x: must be null, an integer or a list, not a boolean");
}

TEST_CASE("bytes fit the bytes schema and the open one [D2]") {
  auto bytes_only = of_x(R"({"x-snakepit-type": "bytes"})");
  CHECK(verdict_of_x(bytes_only, R"({"$": ["base64", "AP8="]})") == "");
  CHECK(verdict_of_x(bytes_only, "\"AP8=\"")
        == "$.x: must be bytes, not a string; in text bytes are {\"$\": [\"base64\", text]}");
  CHECK(verdict_of_x(bytes_only, "{}") != "");
  CHECK(verdict_of_x(of_x("{}"), R"({"$": ["base64", "AP8="]})") == "");
  CHECK(verdict_of_x(of_x("{}"), R"({"$": ["marker", "a.B", ""]})") == "");
  auto maybe = of_x(R"({"anyOf": [{"x-snakepit-type": "bytes"}, {"type": "null"}]})");
  CHECK(verdict_of_x(maybe, R"({"$": ["base64", "AP8="]})") == "");
  CHECK(verdict_of_x(maybe, "null") == "");
  CHECK(verdict_of_x(maybe, "1") == "$.x: must be null or bytes, not an integer");
}

TEST_CASE("elements of lists are checked [D2]") {
  auto schema =
    of_x(R"({"type": "array", "items": {"type": "array", "items": {"type": "number"}}})");
  CHECK(verdict_of_x(schema, "[]") == "");
  CHECK(verdict_of_x(schema, "[[1, 2.5], [], [3]]") == "");
  CHECK(verdict_of_x(schema, "[[1], [2, \"3\"]]") == "$.x[1][1]: must be a number, not a string");
  CHECK(verdict_of_x(schema, "[1]") == "$.x[0]: must be a list, not an integer");
  CHECK(verdict_of_x(of_x(R"({"items": {"type": "null"}})"), "\"no list\"") == "");
}

TEST_CASE("additional properties are allowed, refused or checked [D2]") {
  auto object = [](std::string others) {
    return of_x(R"({"type": "object", "properties": {"a": {"type": "null"}})" + others + "}");
  };
  CHECK(verdict_of_x(object(""), R"({"b": 1})") == "");
  CHECK(verdict_of_x(object(R"(, "additionalProperties": true)"), R"({"b": 1})") == "");
  CHECK(verdict_of_x(object(R"(, "additionalProperties": false)"), R"({"a": null})") == "");
  CHECK(verdict_of_x(object(R"(, "additionalProperties": false)"), R"({"b": 1})")
        == "$.x.b: there is no `b`");
  auto typed = object(R"(, "additionalProperties": {"type": "integer"})");
  CHECK(verdict_of_x(typed, R"({"a": null, "b": 1})") == "");
  CHECK(verdict_of_x(typed, R"({"b": "1"})") == "$.x.b: must be an integer, not a string");
  CHECK(verdict_of_x(typed, R"({"a": 1})") == "$.x.a: must be null, not an integer");
}

TEST_CASE("required members of inner objects are checked [D2]") {
  auto schema = of_x(R"({"type": "object", "required": ["a", "b", "a"]})");
  CHECK(verdict_of_x(schema, R"({"b": 1, "c": 2, "a": null})") == "");
  CHECK(verdict_of_x(schema, R"({"a": 1})") == "$.x: `b` is missing");
}

TEST_CASE("choices compare type and value [D2]") {
  auto schema = of_x(R"({"enum": [1, "a", null, 2.5, true, [1], {"k": 1}]})");
  for (auto good : {"1", "\"a\"", "null", "2.5", "true", "[1]", "{\"k\": 1}", "\"\\u0061\""})
    CHECK(verdict_of_x(schema, good) == "");
  for (auto bad : {"1.0", "\"b\"", "false", "0", "[1.0]", "{\"k\": true}", "{}"})
    CHECK(verdict_of_x(schema, bad) != "");
  CHECK(verdict_of_x(of_x(R"({"enum": ["fast", "exact"]})"), "\"slow\"")
        == "$.x: must be one of \"fast\", \"exact\"");
  CHECK(verdict_of_x(of_x(R"({"const": 7})"), "7") == "");
  CHECK(verdict_of_x(of_x(R"({"const": 7})"), "8") == "$.x: must be 7");
  CHECK(verdict_of_x(of_x(R"({"enum": []})"), "8") != "");
}

TEST_CASE("any of several forms fits [D2]") {
  auto optional = of_x(R"({"anyOf": [{"type": "integer"}, {"type": "null"}]})");
  CHECK(verdict_of_x(optional, "1") == "");
  CHECK(verdict_of_x(optional, "null") == "");
  CHECK(verdict_of_x(optional, "\"1\"") == "$.x: must be null or an integer, not a string");
  auto forms =
    of_x(R"({"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "string"},
    {"type": "object", "required": ["a"]}, {"type": "object", "required": ["b"]}]})");
  for (auto good : {"[1]", "\"s\"", "{\"a\": 1}", "{\"b\": 1}"})
    CHECK(verdict_of_x(forms, good) == "");
  CHECK(verdict_of_x(forms, "[1, null]") == "$.x[1]: must be an integer, not null");
  CHECK(verdict_of_x(forms, "{}") == "$.x: fits none of the 4 forms it may have");
  CHECK(verdict_of_x(forms, "1") == "$.x: must be a string, a list or an object, not an integer");
  auto with_type =
    of_x(R"({"type": "number", "anyOf": [{"type": "integer"}, {"type": "string"}]})");
  CHECK(verdict_of_x(with_type, "1") == "");
  CHECK(verdict_of_x(with_type, "1.5") != "");
  CHECK(verdict_of_x(with_type, "\"s\"") != "");
}

TEST_CASE("keywords that are not known do not matter [D2]") {
  auto schema = of_x(R"({"title": 1, "description": "d", "minimum": 5, "default": 3, "$ref": "#/x",
    "x-snakepit-type": "future"})");
  CHECK(verdict_of_x(schema, "1") == "");
}

TEST_CASE("dollar objects in arguments are what they stand for [D2]") {
  auto numbers = of_x(R"({"type": "object", "additionalProperties": {"type": "integer"}})");
  CHECK(verdict_of_x(numbers, R"({"$": ["map", {"$": 1}]})") == "");
  CHECK(verdict_of_x(numbers, R"({"$": 1, "a": 2})") == "");
  CHECK(verdict_of_x(numbers, R"({"$": ["map", {"$": "1"}]})")
        == "$.x[\"$\"]: must be an integer, not a string");
  CHECK(verdict_of_x(numbers, R"({"$": 1})") == "$.x: a \"$\" object must hold a list");
  auto open = compiled(R"({"type": "object"})");
  CHECK(verdict(open, R"({"$": ["map", {"$": 1}]})") == "");
  CHECK(verdict(open, R"({"$": ["base64", ""]})") == "$: the arguments must be an object");
}

TEST_CASE("arguments that are no object or no JSON are refused [D2]") {
  for (auto& schema : {compiled(count_schema), argument_schema{}}) {
    for (auto text :
         {"[]", "1", "null", "\"text\"", "", "{", "{}x", "{\"text\": \"a\", \"text\": \"b\"}",
          "{\"text\": nope}", "{\"text\": \"\xff\"}"}) {
      CAPTURE(text);
      auto got = schema.check_for_people(text);
      REQUIRE_FALSE(got.has_value());
      CHECK(got.error().reason == reason::invalid_argument);
      CHECK(schema.check(text, 0).error().reason == reason::invalid_argument);
    }
    CHECK(schema.check(value{value::list{}}).error().reason == reason::invalid_argument);
  }
}

TEST_CASE("arguments on the wire refer to their attachments [D2]") {
  auto schema = of_x(R"({"x-snakepit-type": "bytes"})");
  CHECK(schema.check(R"({"x": {"$": ["bytes", 0]}})", 1).has_value());
  CHECK(schema.check(R"({"x": {"$": ["bytes", 0]}})", 0).error().reason
        == reason::invalid_argument);
  CHECK(schema.check(R"({})", 1).error().reason == reason::invalid_argument);
  CHECK(schema.check(R"({"x": {"$": ["base64", ""]}})", 0).error().reason
        == reason::invalid_argument);
}

TEST_CASE("arguments are encoded and checked at once [D2]") {
  auto schema = of_x(R"({"x-snakepit-type": "bytes"})");
  auto plain = core::encode_arguments(std::string{R"({ "y": [1, {}] })"}, &schema);
  CHECK(plain->text == R"({ "y": [1, {}] })"); // as it was
  auto binary = core::encode_arguments(std::string{R"({"x": {"$": ["base64", "AP8="]}})"}, &schema);
  CHECK(*binary == core::encoded{R"({"x":{"$":["bytes",0]}})", {std::string("\0\xff", 2)}});
  CHECK(*core::encode_arguments(value{{"x", bytes{"b"}}}, &schema)
        == core::encoded{R"({"x":{"$":["bytes",0]}})", {"b"}});
  CHECK(core::encode_arguments(value{{"x", 1}}, &schema).error().reason == reason::schema_mismatch);
  CHECK(core::encode_arguments(value{{"x", 1}}, nullptr).has_value());
  CHECK(core::encode_arguments(value{1}, nullptr).error().reason == reason::invalid_argument);
  CHECK(core::encode_arguments(std::string{"[1]"}, nullptr).error().reason
        == reason::invalid_argument);
  CHECK(core::encode_arguments(value{{"y", value::list{0.0 / 0.0}}}, &schema).error().message
        == "$.y[0]: JSON has no NaN and no infinities");
}

TEST_CASE("a schema that makes no sense is refused, with the place [D2]") {
  struct row {
    const char* text;
    const char* message;
  };
  constexpr row rows[] = {
    {"", "$: expected a value, found the end of the text"},
    {"[]", "$: a schema must be an object"},
    {R"({"type": "text"})", "$.type: must be a type that JSON has"},
    {R"({"type": ["integer", ""]})", "$.type: must be a type that JSON has"},
    {R"({"type": 1})", "$.type: must be a type that JSON has"},
    {R"({"properties": []})", "$.properties: must be an object"},
    {R"({"properties": {"a": true}})", "$.properties.a: a schema must be an object"},
    {R"({"required": "a"})", "$.required: must be a list"},
    {R"({"required": [1]})", "$.required: must be a list of strings"},
    {R"({"additionalProperties": 1})", "$.additionalProperties: a schema must be an object"},
    {R"({"items": []})", "$.items: a schema must be an object"},
    {R"({"enum": 1})", "$.enum: must be a list"},
    {R"({"enum": [1], "const": 1})", "$.const: cannot stand beside `enum`"},
    {R"({"anyOf": []})", "$.anyOf: must be a list that is not empty"},
    {R"({"anyOf": [{}, {"items": 1}]})", "$.anyOf[1].items: a schema must be an object"},
  };
  for (auto& [text, message] : rows) {
    auto got = argument_schema::compile(text);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().message == message);
  }
}

TEST_CASE("signatures follow the order of the schema [D2]") {
  CHECK(compiled(R"({"properties": {"z": {}, "b": {"default": null}, "a": {"default": "x"}},
    "required": ["z"], "additionalProperties": false})",
                 "f")
          .signature()
        == "f(z, b=null, a=\"x\")");
  CHECK(compiled(R"({"properties": {}, "additionalProperties": false})", "f").signature() == "f()");
  CHECK(compiled(R"({"type": "object"})", "f").signature() == "f(...)");
  CHECK(compiled(R"({"required": ["größe"]})", "f").signature() == "f(größe, ...)");
}

TEST_CASE("many parameters are all known [D2]") {
  std::string properties, required, text;
  for (int i = 0; i < 200; ++i) {
    auto name = "\"p" + std::to_string(i) + "\"";
    properties += (i == 0 ? "" : ",") + name + ":{\"type\":\"integer\"}";
    required += (i == 0 ? "" : ",") + name;
    text += (i == 0 ? "" : ",") + name + ":1";
  }
  auto schema = compiled(R"({"properties":{)" + properties + R"(},"required":[)" + required
                         + R"(],"additionalProperties":false})");
  CHECK(verdict(schema, "{" + text + "}") == "");
  CHECK(
    verdict(schema, "{" + text.substr(text.find(',') + 1) + "}").starts_with("`p0` is missing"));
}
