#pragma once

#include <snakepit/error.hpp>
#include <snakepit/value.hpp>

#include <string>
#include <string_view>

namespace snakepit {

/// JSON text to a value, as docs/codec.md says for text that people write: `{"$": ["base64",
/// text]}` stands for bytes, `{"$": ["map", {...}]}` for a map whose only key is "$". Integers
/// beyond int64/uint64, 1e400, NaN, invalid UTF-8, duplicate keys, other `"$"` objects and a
/// nesting above 100 are errors that name the place. Thread safe.
result<value> parse_json(std::string_view text);

/// The reverse. Fails on NaN and infinities, on text that is not UTF-8, on a nesting above 100.
result<std::string> to_json(const value& x);

} // namespace snakepit
