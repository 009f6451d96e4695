#include "actors/core/schema.hpp"
#include "tests/core/codec_vectors.hpp"

#include <snakepit/json.hpp>
#include <snakepit/runtime.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

using namespace snakepit;

namespace {

rc::Gen<std::string> utf8_text() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                        "a", "$", "\"", "\\", "\n", std::string(1, '\0'), "\x1f", "\x7f", "ä", "日",
                        "😀", "long run ")),
                      [](const std::vector<std::string>& letters) {
                        std::string out;
                        for (auto& letter : letters)
                          out += letter;
                        return out;
                      });
}

rc::Gen<std::string> key_text() {
  return rc::gen::oneOf(rc::gen::just(std::string{"$"}), utf8_text());
}

rc::Gen<value> scalar() {
  return rc::gen::oneOf(
    rc::gen::just(value{}),
    rc::gen::map(rc::gen::arbitrary<bool>(), [](bool x) { return value{x}; }),
    rc::gen::map(rc::gen::arbitrary<int64_t>(), [](int64_t x) { return value{x}; }),
    rc::gen::map(rc::gen::arbitrary<uint64_t>(), [](uint64_t x) { return value{x}; }),
    rc::gen::map(rc::gen::arbitrary<uint64_t>(),
                 [](uint64_t x) {
                   auto d = std::bit_cast<double>(x);
                   return value{std::isfinite(d) ? d : -0.0};
                 }),
    rc::gen::map(utf8_text(), [](std::string x) { return value{std::move(x)}; }),
    rc::gen::map(rc::gen::string<std::string>(), [](std::string x) { return value{bytes{x}}; }),
    rc::gen::map(utf8_text(), [](std::string x) {
      return value{marker{x, x}};
    }));
}

rc::Gen<value> any_value(int depth) {
  if (depth == 0)
    return scalar();
  auto inner = rc::gen::scale(0.5, rc::gen::lazy([=] { return any_value(depth - 1); }));
  return rc::gen::oneOf(
    scalar(),
    rc::gen::map(rc::gen::container<value::list>(inner), [](value::list x) { return value{x}; }),
    rc::gen::map(rc::gen::container<value::map>(key_text(), inner),
                 [](value::map x) { return value{std::move(x)}; }));
}

/// Most time is spent on making values: small ones break as well.
rc::Gen<value> small_value() {
  return rc::gen::resize(40, any_value(3));
}

/// A value's text with some of its characters changed, added or taken away.
rc::Gen<std::string> nearly_json() {
  return rc::gen::exec([] {
    auto text = *core::encode_for_people(*small_value());
    auto edits = *rc::gen::inRange(0, 3);
    for (int i = 0; i < edits; ++i) {
      auto at = *rc::gen::inRange<size_t>(0, text.size());
      auto piece = *rc::gen::element<std::string>(
        "", "{", "}", "[", "]", ",", ":", "\"a\":", "\"", "\\", "\\ud83d", "\\ude00", "0", "1", "-",
        ".5", "e9", "E+400", "true", " ", "\n", "\xff", "\xc3\xa4", "18446744073709551616");
      text.replace(at, *rc::gen::inRange<size_t>(0, 2), piece);
      if (text.empty())
        break;
    }
    return text;
  });
}

void check_any_text(const std::string& text) {
  auto facts = core::check_text(text);
  auto x = parse_json(text);
  if (!facts)
    RC_ASSERT(!x);
  if (facts && !facts->has_dollar)
    RC_ASSERT(x.has_value());
  if (!x)
    return;
  // Another parser agrees that it is JSON, and what was read can be written.
  RC_ASSERT(nlohmann::json::accept(text));
  auto again = core::encode(*x);
  RC_ASSERT(again.has_value());
  RC_ASSERT(codec_vectors::same(*core::decode(again->text, again->attachments), *x));
}

} // namespace

TEST_CASE("any value survives the wire and text for people [D1]") {
  CHECK(rc::check([] {
    auto x = *small_value();
    auto wire = core::encode(x);
    RC_ASSERT(wire.has_value());
    RC_ASSERT(nlohmann::json::accept(wire->text));
    auto back = core::decode(wire->text, wire->attachments);
    RC_ASSERT(back.has_value());
    RC_ASSERT(codec_vectors::same(*back, x));
    auto text = to_json(x);
    RC_ASSERT(text.has_value());
    RC_ASSERT(codec_vectors::same(*parse_json(*text), x));
  }));
}

TEST_CASE("any bytes are read or refused, by all that read text [D1]") {
  CHECK(rc::check([] { check_any_text(*rc::gen::string<std::string>()); }));
}

TEST_CASE("anything that looks like JSON is read or refused [D1]") {
  CHECK(rc::check([] { check_any_text(*nearly_json()); }));
}

TEST_CASE("anything that looks like JSON can be arguments, a schema or a result [D2]") {
  CHECK(rc::check([] {
    auto text = *nearly_json();
    auto schema = core::argument_schema::compile(text);
    core::argument_schema any;
    auto as_text = any.check_for_people(text);
    auto as_value = parse_json(text);
    RC_ASSERT(as_text.has_value() == (as_value && as_value->is<value::map>()));
    if (schema && as_value)
      RC_ASSERT(schema->check_for_people(text).has_value() == schema->check(*as_value).has_value());
    payload result{false, text};
    RC_ASSERT(result.to_value().has_value() == result.to_json().has_value());
  }));
}

TEST_CASE("what another parser reads is read, and to the same value [D1]") {
  CHECK(rc::check([] {
    auto text = *nearly_json();
    auto other = nlohmann::json::parse(text, nullptr, false);
    auto ours = core::check_text(text);
    // We are stricter on numbers and duplicate keys, never otherwise.
    if (!other.is_discarded() && !ours) {
      auto& message = ours.error().message;
      RC_ASSERT(message.find("does not fit") != std::string::npos
                || message.find("too large") != std::string::npos
                || message.find("occurs twice") != std::string::npos);
    }
    if (ours && !ours->has_dollar)
      RC_ASSERT(nlohmann::json::parse(*to_json(*parse_json(text))) == other);
  }));
}
