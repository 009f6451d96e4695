#pragma once

#include "actors/core/config_keys.hpp"
#include "actors/core/config_node.hpp"
#include "actors/core/units.hpp"

#include <optional>
#include <string>

namespace snakepit::core {

/// What is wrong with a node, and which one it is.
struct field_fault {
  const config_node* node;
  std::string message;
};

/// Puts what `x` says into the field, if it is of the right type.
std::optional<field_fault> assign(const config_field& field, const key_rule& rule,
                                  const config_node& x);

/// The field's value as YAML on one line; `assign` reads it as the same value.
std::string to_yaml(const config_field& field, const key_rule& rule);

/// What a `share_field` may hold; NaN is none.
inline bool is_share(double x) {
  return x >= 0 && x <= 1;
}

/// Text as a YAML scalar that reads as exactly this text.
std::string to_yaml(const std::string& text);

/// What the field takes, for the reference: "duration, `infinite`", "`text` or `json`".
std::string type_name(const config_field& field, const key_rule& rule);

} // namespace snakepit::core
