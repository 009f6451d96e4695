#pragma once

#include <csignal>
#include <memory>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <variant>
#include <vector>

namespace snakepit::cli {

/// A program that was started and is waited for.
class program {
public:
  /// Finds it as a shell would and starts it with our standard descriptors, with `variables`
  /// ("NAME=value") over our environment, and with these signals blocked. Returns the errno of what
  /// went wrong if it could not be.
  static std::variant<std::unique_ptr<program>, int>
  start(const std::vector<std::string>& words, const std::vector<std::string>& variables,
        const sigset_t& blocked);

  program(const program&) = delete;
  program& operator=(const program&) = delete;

  /// Sends it a signal, unless it has ended. Any thread.
  void signal(int number);

  /// Waits for its end; its exit code, or 128 and the number of the signal that ended it. Once.
  int wait();

private:
  explicit program(pid_t pid) : pid_{pid} {}

  pid_t pid_;
  std::mutex mutex_;
  bool ended_ = false;
};

} // namespace snakepit::cli
