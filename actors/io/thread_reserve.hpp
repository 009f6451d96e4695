#pragma once

#include <snakepit/error.hpp>

#include <cstddef>

namespace snakepit::io {

/// Whether so many more threads can be had now: some of our libraries end the whole process if they
/// cannot have theirs. Fails with `unavailable`, with the limit named.
result<void> check_threads(size_t count);

/// The same error, for one thread that could not be had.
tl::unexpected<error> no_thread();

} // namespace snakepit::io
