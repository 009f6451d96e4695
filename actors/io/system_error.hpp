#pragma once

#include <snakepit/error.hpp>

#include <string>

namespace snakepit::io {

/// "no such file or directory (ENOENT)".
std::string describe_errno(int number);

/// A `worker_start_failed` for what the kernel refused: "STEP: DESCRIPTION (NAME)", with advice
/// where a limit is the likely cause; details "step" and "errno".
tl::unexpected<error> start_failure(const std::string& step, int number);

} // namespace snakepit::io
