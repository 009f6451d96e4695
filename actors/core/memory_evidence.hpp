#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace snakepit::core {

/// What the kernel counted of processes that it killed for want of memory, at a worker's start and
/// at its end.
struct memory_evidence {
  /// The file of its control group that counts them; empty if there is none.
  std::string source;
  std::optional<uint64_t> group_before;
  std::optional<uint64_t> group_after;
  /// The same of the whole machine.
  std::optional<uint64_t> machine_before;
  std::optional<uint64_t> machine_after;
  /// What its control group may use; 0: unlimited or unknown.
  uint64_t limit_bytes = 0;
};

} // namespace snakepit::core
