#pragma once

#include <string>
#include <vector>

namespace snakepit::io {

/// The environment of this process, "NAME=value" each. Not while another thread changes it.
std::vector<std::string> host_environment();

} // namespace snakepit::io
