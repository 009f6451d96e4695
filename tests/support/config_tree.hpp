#pragma once

#include "actors/core/config_node.hpp"

#include <utility>

namespace snakepit::test {

/// Trees as a YAML parser would make them; every node stands at column 1.
struct tree {
  std::shared_ptr<const std::string> source = std::make_shared<const std::string>("pit.yaml");
  size_t line = 1; ///< 0: the source has no lines

  core::config_place place() const {
    return {source, line, 1};
  }

  core::config_node null() const {
    return {.place = place()};
  }

  core::config_node plain(std::string text) const {
    return {.is = core::config_node::kind::scalar,
            .text = std::move(text),
            .plain = true,
            .place = place()};
  }

  core::config_node quoted(std::string text) const {
    auto result = plain(std::move(text));
    result.plain = false;
    return result;
  }

  core::config_node list(std::vector<core::config_node> items) const {
    return {.is = core::config_node::kind::list, .place = place(), .items = std::move(items)};
  }

  core::config_node map(std::vector<std::pair<std::string, core::config_node>> entries) const {
    auto result = core::config_node{.is = core::config_node::kind::map, .place = place()};
    for (auto& [key, value] : entries)
      result.entries.push_back({key, place(), std::move(value)});
    return result;
  }
};

} // namespace snakepit::test
