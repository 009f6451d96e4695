#pragma once

#include <snakepit/error.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace snakepit::io {

/// How a program ended that was run to its end.
struct command_end {
  int code = 0;           ///< meaningful if it exited
  int signal = 0;         ///< not 0: killed by it
  bool timed_out = false; ///< it was ended by us
  std::string output;     ///< stdout, the first 64 KiB
  std::string errors;     ///< stderr, the first 64 KiB

  bool succeeded() const noexcept {
    return code == 0 && signal == 0 && !timed_out;
  }
};

/// Runs a program with nothing on stdin, in a group of its own, and waits for its end, `timeout` at
/// most; then its whole group is killed. `argv[0]` is a path. Errors are `worker_start_failed`: it
/// could not be started. Blocks.
result<command_end> run_command(const std::vector<std::string>& argv,
                                const std::vector<std::string>& environment,
                                std::chrono::milliseconds timeout);

} // namespace snakepit::io
