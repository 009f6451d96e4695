#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit::core {

/// Where a piece of the configuration was written.
struct config_place {
  /// A file, or "environment SNAKEPIT__...". Null: nowhere, a built-in default.
  std::shared_ptr<const std::string> source{};
  size_t line = 0; ///< from 1; 0: the source has no lines
  size_t column = 0;
};

/// "pit.yaml:3:5", "environment SNAKEPIT__LOG__LEVEL", "default".
std::string to_string(const config_place& x);

/// "pit.yaml:3": the same without the column.
std::string line_of(const config_place& x);

struct config_entry;

/// YAML as a plain tree, before anybody knows what it means: keys are unique in their map, scalars
/// are text as written.
struct config_node {
  enum class kind { null, scalar, list, map };

  kind is = kind::null;
  /// Of a scalar. Valid UTF-8.
  std::string text{};
  /// Whether the scalar stood without quotes, so that `5` means a number.
  bool plain = false;
  config_place place{};
  std::vector<config_node> items{};
  std::vector<config_entry> entries{};

  /// The entry of this key, if this is a map that has one.
  config_entry* find(std::string_view key);
  const config_entry* find(std::string_view key) const;
};

struct config_entry {
  std::string key;
  config_place place; ///< of the key
  config_node value;
};

/// Whether plain YAML text means a number or a truth value rather than text (YAML 1.2, core
/// schema).
bool is_number(std::string_view text);
bool is_truth_value(std::string_view text);

/// What a node is, for "wanted a duration, got a list". Names the text of a scalar.
std::string describe(const config_node& x);

} // namespace snakepit::core
