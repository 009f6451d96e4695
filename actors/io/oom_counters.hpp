#pragma once

#include "actors/core/memory_evidence.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace snakepit::io {

/// Reads what the kernel counts of a process's memory control group, version 1 or 2. One thread at
/// a time.
class oom_counters {
public:
  oom_counters() = default;

  /// Finds the group of a process that has begun, and reads its counters for the first time.
  explicit oom_counters(int64_t pid);

  /// What was counted then and what is counted now; the process may have ended. `killed`: it was,
  /// and not by us. A kill that was counted explains one end only, so what was counted before
  /// others of this program were killed is left out.
  core::memory_evidence read(bool killed) const;

private:
  core::memory_evidence begin_;
};

/// The file that counts the kills of a process's memory control group, by what its
/// /proc/PID/cgroup says; empty if it says nothing. `root`: where control groups are mounted.
std::string oom_file_of(std::string_view cgroups, const std::string& root = "/sys/fs/cgroup");

} // namespace snakepit::io
