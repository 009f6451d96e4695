#pragma once

#include "actors/core/settling.hpp"

#include <string>
#include <vector>

namespace snakepit::io {

/// A look at all processes that can be seen: who they are, and what marks of ours they have.
std::vector<core::process_sight> scan_processes();

/// The process that calls, as marks name it.
core::host_identity own_host();

/// Who settles debts of `instance` (see `core::instance_label`): the process that calls.
core::settler own_settler(const std::string& instance);

/// The command line, for people: at most 200 bytes, arguments with spaces between.
std::string command_line_of(int64_t pid);

} // namespace snakepit::io
