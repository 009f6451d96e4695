#pragma once

#include "actors/core/codec.hpp"

#include <snakepit/error.hpp>
#include <snakepit/value.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace snakepit::core {

struct schema_misfit;
struct schema_node;

/// The JSON Schema of a tool's arguments, compiled once; docs/codec.md says which keywords count.
/// Cheap to copy, never changes, thread safe.
///
/// What does not fit is `schema_mismatch`: the message names the parameter, details have `path`,
/// and `parameter` for a missing or unexpected one. A text that is not valid is `invalid_argument`.
class argument_schema {
public:
  /// Fits any object.
  argument_schema();

  /// Reads a schema as a worker declared it. `tool` is the name that stands in messages. Fails with
  /// `invalid_argument`.
  static result<argument_schema> compile(std::string_view text, std::string_view tool = {});

  /// Checks the arguments of a call. They must be a map.
  result<void> check(const value& x) const;

  /// Checks arguments in wire form: that the text is valid, refers to as many attachments, is an
  /// object, and fits. One pass over the text unless `"$"` objects stand in it.
  result<void> check(std::string_view text, size_t attachments) const;

  /// Checks arguments that a caller gave as text. The same, but bytes are base64 and where the text
  /// has `"$"` objects the value it stands for is returned; else null, and the text can be sent as
  /// it is.
  result<std::unique_ptr<value>> check_for_people(std::string_view text) const;

  /// For messages and lists: "count(text, n=1)".
  const std::string& signature() const noexcept {
    return signature_;
  }

private:
  error misfit(const schema_misfit& x) const;

  std::shared_ptr<const schema_node> root_;
  std::string signature_;
};

/// Arguments as they travel, checked against the schema; null: it is not known yet. Fails as
/// `argument_schema::check` does, and with `invalid_argument` for what cannot be encoded.
result<encoded> encode_arguments(value x, const argument_schema* schema);

/// The same of text that a caller gave. It is passed on as it is unless `"$"` objects stand in it.
result<encoded> encode_arguments(std::string text, const argument_schema* schema);

} // namespace snakepit::core
