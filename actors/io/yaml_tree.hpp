#pragma once

#include "actors/core/config_node.hpp"

#include <snakepit/error.hpp>

#include <cstddef>
#include <string>

namespace snakepit::io {

// Bounds of what is read as YAML, far above any configuration that people write.
inline constexpr size_t largest_yaml = size_t{1} << 20; ///< bytes
inline constexpr size_t deepest_yaml = 32;              ///< maps and lists within each other
inline constexpr size_t most_yaml_nodes = 100'000;

/// One YAML document as a plain tree; no document is a null node. Fails with invalid_config and the
/// place on broken YAML, keys that are no text or stand twice in a map, anchors, aliases, tags, a
/// second document, control characters, text that is not UTF-8, and above the bounds. `source`
/// stands in the places, with line and column unless `lines` is false. Thread safe.
result<core::config_node> parse_yaml(const std::string& text, const std::string& source,
                                     bool lines = true);

} // namespace snakepit::io
