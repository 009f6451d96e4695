#pragma once

#include <chrono>
#include <thread>

namespace snakepit::test {

/// Waits until `predicate` holds, at most until `timeout`. The one place where tests sleep.
template <class Predicate>
bool eventually(std::chrono::milliseconds timeout, Predicate&& predicate) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

} // namespace snakepit::test
