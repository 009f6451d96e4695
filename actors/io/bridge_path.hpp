#pragma once

#include <snakepit/error.hpp>

#include <string>
#include <vector>

namespace snakepit::io {

/// The folder that holds the Python package `snakepit_bridge`: $SNAKEPIT_BRIDGE_PATH if that is set
/// (and then no other), else that of the build tree, else the installed one. The error (`internal`)
/// names what was tried.
result<std::string> find_bridge();

/// The first of `folders` that holds the package.
result<std::string> find_bridge_in(const std::vector<std::string>& folders);

} // namespace snakepit::io
