#pragma once

#include <cstdint>
#include <string>

namespace snakepit::core {

/// Who a process is, for good: a pid alone may be another's tomorrow.
struct process_identity {
  int64_t pid = 0;
  uint64_t start_time = 0; ///< /proc/PID/stat field 22
  std::string boot_id{};

  friend bool operator==(const process_identity&, const process_identity&) = default;
};

} // namespace snakepit::core
