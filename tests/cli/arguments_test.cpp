#include "actors/cli/arguments.hpp"

#include <snakepit/json.hpp>

#include <doctest/doctest.h>

#include <filesystem>

using namespace snakepit;
using words = std::vector<std::string>;

namespace {

const cli::tool_shape many{""};
const cli::tool_shape one{"text"};

value as_value(const result<arguments>& x) {
  REQUIRE(x);
  if (auto* text = std::get_if<json_text>(&*x))
    return parse_json(text->text).value();
  return std::get<value>(*x);
}

} // namespace

TEST_CASE("words are JSON if they parse as JSON, else text [E4]") {
  auto text =
    cli::read_arguments({"a=1", "b=[true]", "c=hello", "d=", "e=\"7\"", "f=x=y", "g=NaN"});
  REQUIRE(text);
  CHECK(*text
        == R"({"a": 1, "b": [true], "c": "hello", "d": "", "e": "7", "f": "x=y", "g": "NaN"})");
}

TEST_CASE("no words are no arguments") {
  CHECK(cli::read_arguments({}) == "{}");
}

TEST_CASE("one word may be all of it as JSON, unchanged [E4]") {
  CHECK(cli::read_arguments({R"({"a":1.50})"}) == R"({"a":1.50})");
  CHECK(cli::read_arguments({"[1, 2]"}) == "[1, 2]");
}

TEST_CASE("what is wrong with arguments is said [E4]") {
  struct example {
    words given;
    const char* said;
  };
  for (auto& x : {example{{"{\"a\": }"}, "is not valid JSON"}, example{{"hello"}, "not valid JSON"},
                  example{{"a=1", "hello"}, "key=value"}, example{{"a=1", "a=2"}, "twice"},
                  example{{"a=1", "{}"}, "key=value"}, example{{"@/none/such"}, "No such file"},
                  example{{"@/"}, "it is a folder"}, example{{"a=\xff"}, "not UTF-8"},
                  example{{"1a=1", "b=2"}, "key=value"}}) {
    CAPTURE(x.given[0]);
    auto got = cli::read_arguments(x.given);
    REQUIRE_FALSE(got);
    CHECK(got.error().message.find(x.said) != std::string::npos);
  }
}

TEST_CASE("an object goes on as it is written [E4]") {
  auto args = cli::to_arguments(" {\"a\": 1.50, \"b\": \"$\"} \r", many);
  REQUIRE(args);
  CHECK(std::get<json_text>(*args).text == "{\"a\": 1.50, \"b\": \"$\"}");
}

TEST_CASE("an object with a key \"$\" is read, however it is written [E4]") {
  for (auto* text :
       {R"({"a": {"$" : ["base64", "aGk="]}})", R"({"a": {"\u0024": ["base64", "aGk="]}})"}) {
    CAPTURE(text);
    auto args = cli::to_arguments(text, many);
    REQUIRE(args);
    REQUIRE(std::holds_alternative<value>(*args));
    CHECK(std::get<value>(*args).at("a") == value{bytes{"hi"}});
  }
}

TEST_CASE("what is no object is the single parameter [E4]") {
  CHECK(as_value(cli::to_arguments("\"hi\"", one)).at("text") == value{"hi"});
  CHECK(as_value(cli::to_arguments("[1]", one)).at("text") == value{value::list{1}});
  CHECK(as_value(cli::to_arguments("{\"$\": [\"base64\", \"aGk=\"]}", one)).at("text")
        == value{bytes{"hi"}});
  auto refused = cli::to_arguments("1", many);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == reason::invalid_argument);
}

TEST_CASE("a line cannot smuggle a second parameter in [E4]") {
  auto refused = cli::to_arguments("1, \"other\": 2", one);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().category() == category::validation);
}

TEST_CASE("a tool's single parameter is its one required one") {
  auto single = [](const char* schema) {
    tool_description x;
    x.schema = schema;
    return cli::shape_of(x).single;
  };
  CHECK(single(R"({"properties": {"a": {}, "b": {}}, "required": ["a"]})") == "a");
  CHECK(single(R"({"properties": {"a": {}, "b": {}}, "required": ["a", "b"]})").empty());
  CHECK(single(R"({"properties": {"a": {}}})").empty());
  CHECK(single("").empty());
}

TEST_CASE("an unknown tool is named with those there are [E4]") {
  std::vector<tool_description> tools(2);
  tools[0].name = "one";
  tools[1].name = "two";
  CHECK(cli::find_tool(tools, "two", "m"));
  auto none = cli::find_tool(tools, "three", "m");
  REQUIRE_FALSE(none);
  CHECK(none.error().reason == reason::unknown_tool);
  CHECK(none.error().message == "m has no tool `three`; it has one, two");
}

TEST_CASE("the path of an adapter becomes absolute, a module stays [E4]") {
  auto here = std::filesystem::current_path().string();
  CHECK(cli::absolute_adapter("./a.py") == here + "/a.py");
  CHECK(cli::absolute_adapter("./b/../a.py:Model") == here + "/a.py:Model");
  CHECK(cli::absolute_adapter("sub/a.py:Model") == here + "/sub/a.py:Model");
  CHECK(cli::absolute_adapter("/x/a.py:Model") == "/x/a.py:Model");
  CHECK(cli::absolute_adapter("package.module:Class") == "package.module:Class");
  CHECK(cli::absolute_adapter("nothere.py") == "nothere.py");
}
