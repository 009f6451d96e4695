#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace snakepit::cli {

struct received_signal {
  int number = 0;
  /// Not by another process: Ctrl-C, which the whole foreground group has had.
  bool from_terminal = false;
};

/// Turns each SIGINT, SIGTERM and SIGHUP into a call as long as it lives.
///
/// To be made before any thread is started: they all inherit the blocked signals.
class signal_relay {
public:
  signal_relay();
  ~signal_relay();
  signal_relay(const signal_relay&) = delete;
  signal_relay& operator=(const signal_relay&) = delete;

  /// Begins to watch. `on_signal` is called from a thread of its own and must not block; signals
  /// that came before are not lost.
  void start(std::function<void(received_signal)> on_signal);

  /// Ends the watching; no call is under way after that.
  void stop();

  /// What was blocked before: what programs that are started should have.
  const sigset_t& mask_before() const noexcept {
    return before_;
  }

private:
  void watch();

  sigset_t before_{};
  int signals_;
  int end_;
  std::function<void(received_signal)> on_signal_;
  std::thread thread_;
};

} // namespace snakepit::cli
