#pragma once

#include <snakepit/error.hpp>

#include <string>
#include <vector>

namespace snakepit::io {

/// The absolute path of the program to start. `name` is an absolute path, a path relative to the
/// current folder, or a bare name, which is looked up in the PATH of `environment` (which is
/// "/usr/local/bin:/usr/bin:/bin" if it has none). Symbolic links are kept: a virtual environment's
/// interpreter is known by them. Errors are `worker_start_failed` and say whether it is missing, a
/// folder, or not executable.
result<std::string> find_executable(const std::string& name,
                                    const std::vector<std::string>& environment);

/// Why the kernel refused to execute `path`, which `find_executable` had found.
tl::unexpected<error> exec_failure(const std::string& path, int number);

} // namespace snakepit::io
