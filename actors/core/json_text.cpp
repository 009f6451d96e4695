#include "actors/core/codec.hpp"

#include <snakepit/json.hpp>

namespace snakepit {

result<value> parse_json(std::string_view text) {
  return core::decode(text, {}, core::dialect::people);
}

result<std::string> to_json(const value& x) {
  return core::encode_for_people(x);
}

} // namespace snakepit
