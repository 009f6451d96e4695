#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace snakepit::cli {

/// Turns SIGINT, SIGTERM and SIGHUP into calls as long as it lives. The first one is for a clean
/// stop, the second ends the process at once.
///
/// To be made before any thread is started: they all inherit the blocked signals.
class signal_watch {
public:
  signal_watch();
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

  /// Begins to watch. `on_first` is called at the first signal, from a thread of its own, and may
  /// take its time.
  void start(std::function<void()> on_first);

  /// Ends the watching; returns when `on_first` is not running any more.
  void stop();

  /// The first signal; 0: none came.
  int received() const noexcept {
    return received_;
  }

  /// Readable from the first signal on.
  int descriptor() const noexcept {
    return came_;
  }

private:
  void watch();

  int signals_;
  int came_;
  int end_;
  std::atomic<int> received_{0};
  std::function<void()> on_first_;
  std::thread thread_;
};

} // namespace snakepit::cli
