#pragma once

#include <snakepit/error.hpp>

#include <climits>
#include <cstddef>
#include <string>
#include <string_view>

namespace snakepit::worker::v1 {
class Error;
}

/// What the files of the wire codec share.
namespace snakepit::io {

/// Fills a protobuf message; protobuf counts in int.
template <class Message>
bool parse(Message& x, std::string_view bytes) {
  return bytes.size() <= INT_MAX && x.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

/// The text, or its beginning with a mark, `limit` bytes at most. Cuts between characters.
std::string cut(const std::string& text, size_t limit);

/// As `decode_error` in wire_codec.hpp, of a message that is parsed already.
error decode(const worker::v1::Error& x);

} // namespace snakepit::io
