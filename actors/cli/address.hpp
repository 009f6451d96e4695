#pragma once

#include <snakepit/error.hpp>

#include <string>

namespace snakepit::cli {

/// The path of the socket that an address means: "unix:/path". invalid_argument for others.
result<std::string> socket_path(const std::string& address);

} // namespace snakepit::cli
