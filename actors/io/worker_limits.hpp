#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace snakepit::io {

/// What the kernel holds a process to. 0: as the host, but for `core`, where it means none.
struct worker_limits {
  uint64_t memory = 0;      ///< bytes, RLIMIT_DATA
  uint64_t files = 0;       ///< RLIMIT_NOFILE
  uint64_t cpu_seconds = 0; ///< RLIMIT_CPU; SIGXCPU, and SIGKILL a second later
  uint64_t core = 0;        ///< bytes, RLIMIT_CORE
  int nice = 0;             ///< added
};

/// Who a process is, if not the host's user.
struct worker_user {
  uint32_t id = 0;
  uint32_t group = 0;
  std::vector<uint32_t> groups{}; ///< all of them
  std::string name{};
  std::string home{};
};

/// The number of the descriptor of the folder for its socket in a worker that is another user.
inline constexpr int folder_descriptor = 8;

/// How far a processor's time goes beyond the limit before SIGKILL comes: a program may ignore
/// SIGXCPU.
inline constexpr uint64_t cpu_seconds_more = 1;

} // namespace snakepit::io
