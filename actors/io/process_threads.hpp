#pragma once

#include <snakepit/stacks.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace snakepit::io {

/// Threads of a process that are looked at, at most.
inline constexpr size_t max_listed_threads = 64;

/// The threads of a process, the main one first, without `waits_in`. Empty if it is gone.
std::vector<kernel_thread> list_threads(int64_t pid);

/// Fills in `waits_in` as far as the kernel says it: a system call's name or number, else the place
/// in the kernel.
void find_waits(int64_t pid, std::vector<kernel_thread>& threads);

/// Whether the process has a handler for this signal.
bool handles_signal(int64_t pid, int number);

} // namespace snakepit::io
