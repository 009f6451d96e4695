#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace snakepit::io {

/// The whole of a small file (64 KiB at most are read); nothing if it cannot be read.
std::optional<std::string> read_small_file(const std::string& path);

/// What we use of /proc/PID/stat.
struct proc_stat {
  int64_t pid = 0;
  char state = '?';
  int64_t parent = 0;
  int64_t group = 0;
  int64_t session = 0;
  uint64_t threads = 0;
  uint64_t user_ticks = 0; ///< processor time, in clock ticks
  uint64_t system_ticks = 0;
  uint64_t start_time = 0; ///< clock ticks since boot
  uint64_t resident_bytes = 0;
  /// As `wait` would tell it, of a zombie; 0 of one that the kernel does not let us trace.
  std::optional<int> wait_status;
};

/// Parses a line of /proc/PID/stat; the command's name in it may hold anything.
std::optional<proc_stat> parse_proc_stat(const std::string& line);

/// Nothing if there is no such process.
std::optional<proc_stat> read_proc_stat(int64_t pid);

/// Numbers of all processes that can be seen now.
std::vector<int64_t> list_processes();

/// Identifies this boot of the machine; empty if unknown.
std::string read_boot_id();

} // namespace snakepit::io
