#pragma once

#include "actors/core/config_reader.hpp"

#include <string>

namespace snakepit::core {

/// The configuration as YAML, every key present. With `origins`, a comment behind each value says
/// where it came from. `read_config` makes the same configuration of it.
std::string write_config(const config_reading& x, bool origins);

/// The tables of keys for docs/configuration.md, in Markdown: key, type, default, meaning.
std::string config_reference();

} // namespace snakepit::core
