#include "actors/core/codec.hpp"
#include "tests/core/codec_vectors.hpp"

#include <snakepit/json.hpp>
#include <snakepit/runtime.hpp>

#include <doctest/doctest.h>

using namespace snakepit;
using codec_vectors::same;

namespace {

template <class T>
void check_refused(const result<T>& got, const codec_vectors::vector& v, reason why) {
  REQUIRE_FALSE(got.has_value());
  CHECK(to_string(got.error().reason) == to_string(why));
  CHECK(got.error().details.at("path") == v.path);
  CHECK(got.error().message.starts_with(v.path + ": "));
  CHECK(got.error().message.size() < v.path.size() + 120);
}

} // namespace

TEST_CASE("every valid vector is decoded to its value [D1]") {
  for (auto& v : codec_vectors::all().valid) {
    CAPTURE(v.name);
    auto x = core::decode(v.text, v.attachments);
    REQUIRE_MESSAGE(x.has_value(), (x ? "" : x.error().message));
    CHECK(same(*x, v.value));
    CHECK(core::check_text(v.text).has_value());
  }
}

TEST_CASE("every valid vector is encoded to a text that means the same [D1]") {
  for (auto& v : codec_vectors::all().valid) {
    CAPTURE(v.name);
    auto x = core::encode(v.value);
    REQUIRE(x.has_value());
    CHECK(x->attachments == v.attachments);
    auto back = core::decode(x->text, x->attachments);
    REQUIRE(back.has_value());
    CHECK(same(*back, v.value));
  }
}

TEST_CASE("every valid vector survives text for people [D1]") {
  for (auto& v : codec_vectors::all().valid) {
    CAPTURE(v.name);
    auto text = to_json(v.value);
    REQUIRE(text.has_value());
    auto back = parse_json(*text);
    REQUIRE(back.has_value());
    CHECK(same(*back, v.value));
  }
}

TEST_CASE("every invalid text is refused with its path [D1]") {
  for (auto& v : codec_vectors::all().invalid_text) {
    CAPTURE(v.name);
    check_refused(core::decode(v.text, v.attachments), v, *find_reason(v.reason));
    auto x = payload{false, v.text, v.attachments}.to_value();
    REQUIRE_FALSE(x.has_value());
    CHECK(x.error().reason == reason::protocol_error);
    CHECK(x.error().details.at("path") == v.path);
  }
}

TEST_CASE("what the check of a text lets pass only decoding can refuse [D1]") {
  for (auto& v : codec_vectors::all().invalid_text) {
    CAPTURE(v.name);
    auto facts = core::check_text(v.text);
    if (!facts)
      check_refused(facts, v, *find_reason(v.reason));
    else
      CHECK((facts->has_dollar || !v.attachments.empty()));
  }
}

TEST_CASE("every value that JSON cannot hold is refused with its path [D1]") {
  for (auto& v : codec_vectors::all().invalid_value) {
    CAPTURE(v.name);
    check_refused(core::encode(v.value), v, reason::invalid_argument);
    check_refused(to_json(v.value), v, reason::invalid_argument);
  }
}

TEST_CASE("text that people write has base64 and no attachments [D1]") {
  for (auto& v : codec_vectors::all().people_valid) {
    CAPTURE(v.name);
    auto x = parse_json(v.text);
    REQUIRE(x.has_value());
    CHECK(same(*x, v.value));
  }
  for (auto& v : codec_vectors::all().people_invalid) {
    CAPTURE(v.name);
    check_refused(parse_json(v.text), v, *find_reason(v.reason));
  }
}

TEST_CASE("the examples of the documentation are vectors [D1]") {
  auto text = codec_vectors::read_source_file("docs/codec.md");
  auto table = text.substr(text.find("## Examples"));
  size_t documented = 0;
  for (auto vectors : {&codec_vectors::all().valid, &codec_vectors::all().people_valid}) {
    for (auto& v : *vectors) {
      auto row = "| " + v.name + " | `" + v.text + "` |";
      CAPTURE(row);
      CHECK((table.find(row) != std::string::npos) == v.doc);
      documented += v.doc;
    }
  }
  size_t rows = 0;
  for (auto at = table.find("\n| "); at != std::string::npos; at = table.find("\n| ", at + 1))
    ++rows;
  CHECK(rows == documented + 1); // and the head
}
