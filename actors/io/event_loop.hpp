#pragma once

#include <snakepit/error.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "actors/io/descriptor.hpp"

namespace snakepit::io {

/// The way to a loop for who may outlive it. Any thread.
class loop_door {
public:
  explicit loop_door(class event_loop& loop) : loop_{&loop} {}

  /// Posts it; false if the loop ends or has ended.
  bool post(std::function<void()> x);

  void close();

private:
  std::mutex mutex_;
  event_loop* loop_;
};

/// One thread that waits for descriptors, times and tasks, and runs what belongs to them, one after
/// the other. All signals are blocked in it.
class event_loop {
public:
  using clock = std::chrono::steady_clock;
  using task = std::function<void()>;
  /// Names one `watch`; never used twice.
  using watch_id = uint64_t;

  /// Starts the thread; `name` has 15 characters at most.
  static result<std::unique_ptr<event_loop>> make(const std::string& name);

  /// Runs the tasks that were posted before, ends the thread, forgets the rest. Not from the
  /// thread.
  ~event_loop();

  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// Runs `x` on the thread, after what was posted before. Any thread.
  void post(task x);

  /// Calls `ready` with the epoll events whenever `fd` can be read or has ended (level triggered).
  /// The descriptor must stay open until `unwatch`. From the thread only.
  result<watch_id> watch(int fd, std::function<void(uint32_t events)> ready);

  /// `ready` is not called any more, also if it was about to be. From the thread only.
  void unwatch(int fd, watch_id id) noexcept;

  /// Runs `x` at `when`. From the thread only.
  void call_at(clock::time_point when, task x);

  /// For who may outlive the loop.
  std::shared_ptr<loop_door> door() const noexcept {
    return door_;
  }

  std::thread::id thread() const noexcept {
    return thread_.get_id();
  }

private:
  event_loop() = default;

  void run();
  void wait_and_dispatch();
  void run_tasks();
  void run_timers();

  const std::shared_ptr<loop_door> door_ = std::make_shared<loop_door>(*this);
  descriptor epoll_;
  descriptor wakeup_;
  std::thread thread_;

  std::mutex mutex_; // guards the next two
  std::vector<task> tasks_;
  bool stop_ = false;

  // The thread's own.
  std::unordered_map<watch_id, std::shared_ptr<std::function<void(uint32_t)>>> watches_;
  std::multimap<clock::time_point, task> timers_;
  watch_id last_id_ = 0;
};

} // namespace snakepit::io
