#pragma once

#include <chrono>
#include <system_error>
#include <thread>

namespace snakepit::cli {

/// Starts a thread, and tries for ten seconds if there can be none: workers that are being started
/// may hold for a moment what there is of them. Returns 0, or the number of the error.
template <class F>
int start_patiently(std::thread& x, F f) {
  using namespace std::chrono_literals;
  for (auto until = std::chrono::steady_clock::now() + 10s;;) {
    try {
      x = std::thread{f};
      return 0;
    } catch (const std::system_error& e) {
      if (std::chrono::steady_clock::now() >= until)
        return e.code().value();
      std::this_thread::sleep_for(10ms);
    }
  }
}

} // namespace snakepit::cli
