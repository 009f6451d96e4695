#pragma once

#include <snakepit/error.hpp>

namespace snakepit::io {

/// Checks that the kernel has what starting and watching processes needs (Linux 5.4, /proc); an
/// `internal` error names what is missing.
result<void> check_kernel_features();

} // namespace snakepit::io
