#include "actors/io/task_thread.hpp"

namespace snakepit::io {

task_thread::task_thread(size_t most) : most_{most}, thread_{[this] { run(); }} {}

task_thread::~task_thread() {
  {
    auto guard = std::lock_guard{mutex_};
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool task_thread::post(std::function<void()> x) {
  {
    auto guard = std::lock_guard{mutex_};
    if (ends_ || tasks_.size() >= most_)
      return false;
    tasks_.push_back(std::move(x));
  }
  changed_.notify_one();
  return true;
}

void task_thread::run() {
  auto lock = std::unique_lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return ends_ || !tasks_.empty(); });
    if (ends_)
      return;
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr; // what it holds goes without the lock
    lock.lock();
  }
}

} // namespace snakepit::io
