#pragma once

#include <snakepit/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace snakepit::core {

/// What is wrong with a text or a value, and where. Made once, when reading or writing stops; each
/// level on the way out puts its own step in front of the path, so that success pays nothing.
class json_fault {
public:
  static constexpr size_t no_offset = static_cast<size_t>(-1);

  json_fault() = default;
  explicit json_fault(std::string message, size_t offset = no_offset)
    : message_{std::move(message)}, offset_{offset} {}

  /// The fault lies in this member of the map that is left now.
  void in_member(std::string_view key);
  /// The fault lies in this element of the list that is left now.
  void in_element(size_t index);

  const std::string& message() const noexcept {
    return message_;
  }
  /// How many steps the path has.
  size_t steps() const noexcept {
    return count_;
  }
  /// As docs/codec.md says: `$.items[3]["a b"]`.
  std::string path() const {
    return "$" + steps_;
  }

  /// The message with the path in front; details `path`, and `offset` if it is known.
  error to_error(reason why) const;

private:
  std::string message_;
  std::string steps_;
  size_t count_ = 0;
  size_t offset_ = no_offset;
};

inline constexpr size_t max_name_letters = 64;

/// A name as it stands in paths: `max_name_letters` of its letters and `...` if it is longer.
std::string shortened(std::string_view name);

/// At most `limit` bytes of text that may be anything, fit for a message: what is not printable
/// ASCII becomes `?`, what is too much `...`.
std::string excerpt(std::string_view text, size_t limit = 32);

} // namespace snakepit::core
