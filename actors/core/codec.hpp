#pragma once

#include "actors/core/json_writer.hpp"

#include <snakepit/error.hpp>
#include <snakepit/value.hpp>

#include <string>
#include <string_view>
#include <vector>

/// Values to text and back, as docs/codec.md says. All functions are thread safe; errors are
/// `invalid_argument` with the path in the message and in the details.
namespace snakepit::core {

/// A value as it travels.
struct encoded {
  std::string text; ///< JSON
  std::vector<std::string> attachments;

  friend bool operator==(const encoded&, const encoded&) = default;
};

/// What a check of a text found out.
struct text_facts {
  /// A map whose only key is "$" stands in it. Such maps were taken as they are: whether they mean
  /// something, and whether the text is too deep because of them, only decoding tells.
  bool has_dollar = false;
};

/// A value to wire text. Its bytes are moved.
result<encoded> encode(value x, size_t depth = max_depth);

/// A value to text for people.
result<std::string> encode_for_people(const value& x, size_t depth = max_depth);

/// Text with the attachments it refers to (none for people) to a value.
result<value> decode(std::string_view text, std::vector<std::string> attachments = {},
                     dialect how = dialect::wire, size_t depth = max_depth);

/// Checks a text without making a value of it.
result<text_facts> check_text(std::string_view text, size_t depth = max_depth);

} // namespace snakepit::core
