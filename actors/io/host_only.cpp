#include "actors/io/host_only.hpp"

#include <atomic>
#include <mutex>
#include <set>

#include <pthread.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

/// What forks must close. Never destroyed: the handlers stay until the process ends.
struct registry {
  std::mutex mutex; // held by whoever forks
  std::set<int> open;
  std::atomic<bool> in_fork{false};
};

registry& all() {
  static auto* it = new registry;
  return *it;
}

void before_fork() {
  all().mutex.lock();
}

void in_parent() {
  all().mutex.unlock();
}

void in_child() {
  // Nothing but reading and system calls: other threads may have been anywhere.
  for (auto fd : all().open)
    ::close(fd);
  all().in_fork = true;
  all().mutex.unlock();
}

void prepare() {
  static const int done = ::pthread_atfork(before_fork, in_parent, in_child);
  static_cast<void>(done);
}

} // namespace

host_only::hold_forks::hold_forks() noexcept {
  prepare();
  all().mutex.lock();
}

host_only::hold_forks::~hold_forks() {
  all().mutex.unlock();
}

host_only::host_only(descriptor fd) {
  if (fd)
    all().open.insert(fd.get());
  fd_ = fd.release();
}

void host_only::reset() noexcept {
  if (fd_ < 0)
    return;
  hold_forks held;
  // In a fork it is closed, and its number may be another's by now.
  if (!all().in_fork)
    ::close(fd_);
  all().open.erase(fd_);
  fd_ = -1;
}

bool is_fork() noexcept {
  prepare();
  return all().in_fork;
}

} // namespace snakepit::io
