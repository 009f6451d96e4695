#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace snakepit::io {

/// `count` bytes from the kernel's generator, good for secrets. Any thread.
std::string random_bytes(size_t count);

/// A word of 12 letters and digits (60 random bits), unique across any number of fast restarts.
std::string make_run_id();

/// Whether `x` looks as if `make_run_id` had made it.
bool is_run_id(std::string_view x);

} // namespace snakepit::io
