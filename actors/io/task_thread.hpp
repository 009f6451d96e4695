#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace snakepit::io {

/// A thread for tasks that may block for a while, one after the other.
class task_thread {
public:
  /// At most `most` may wait.
  explicit task_thread(size_t most);
  /// Waits for the task under way; those that wait are destroyed.
  ~task_thread();

  /// Whether it will be run; not if too many wait. Any thread.
  bool post(std::function<void()> x);

private:
  void run();

  const size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ends_ = false;
  std::thread thread_; // last: it uses the others
};

} // namespace snakepit::io
