#pragma once

#include <snakepit/reload.hpp>
#include <snakepit/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace snakepit::io {

/// One call as it comes over the control socket.
struct control_call {
  std::string tool;
  std::variant<json_text, raw_bytes> arguments;
  call_options options;
};

/// What a daemon says of itself.
struct control_status {
  std::string version;
  std::string instance;
  std::string instance_id;
  std::string run_id;
  int64_t pid = 0;
  std::chrono::microseconds uptime{0};
  std::string admin_address; ///< empty: it is off
  std::vector<pool_stats> pools;
};

} // namespace snakepit::io
