#pragma once

#include "actors/core/json_fault.hpp"
#include "actors/core/json_reader.hpp"

#include <snakepit/value.hpp>

#include <string>
#include <vector>

namespace snakepit::core {

/// How bytes stand in a text.
enum class dialect : uint8_t {
  wire,  ///< {"$": ["bytes", k]}, the data beside it
  people ///< {"$": ["base64", text]}
};

/// Appends `text` as a JSON string. Bytes that are not UTF-8 are copied as they are.
void append_json_string(std::string& out, std::string_view text);

/// Appends a finite double so that it reads back as the same double.
void append_json_double(std::string& out, double x);

/// Writes one value as JSON text without white space. One thread.
class json_writer {
public:
  json_writer(std::string& out, dialect how, size_t depth = max_depth)
    : out_{out}, how_{how}, max_depth_{depth} {}

  /// Appends the value. False if it cannot be written: see `fault`; what was appended is rubbish.
  bool write(const value& x);

  /// On the wire: the bytes that the text refers to, in order. They point into the value.
  const std::vector<const bytes*>& attachments() const noexcept {
    return attachments_;
  }
  const json_fault& fault() const noexcept {
    return fault_;
  }

private:
  bool write_list(const value::list& x);
  bool write_map(const value::map& x);
  bool write_members(const value::map& x);
  bool write_bytes(const bytes& x);
  bool write_marker(const marker& x);
  bool write_string(std::string_view x);
  bool write_double(double x);
  bool enter();
  [[gnu::cold, gnu::noinline]] bool fail(std::string message);

  std::string& out_;
  const dialect how_;
  const size_t max_depth_;
  size_t depth_ = 0;
  std::vector<const bytes*> attachments_;
  json_fault fault_;
};

} // namespace snakepit::core
