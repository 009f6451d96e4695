#include "actors/io/event_loop.hpp"

#include "actors/io/system_error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace snakepit::io {

namespace {

// The watch of `wakeup_`; others count from 1.
constexpr event_loop::watch_id wakeup_id = 0;

} // namespace

bool loop_door::post(std::function<void()> x) {
  std::lock_guard guard{mutex_};
  if (loop_ != nullptr)
    loop_->post(std::move(x));
  return loop_ != nullptr;
}

void loop_door::close() {
  std::lock_guard guard{mutex_};
  loop_ = nullptr;
}

result<std::unique_ptr<event_loop>> event_loop::make(const std::string& name) {
  std::unique_ptr<event_loop> out{new event_loop};
  out->epoll_ = descriptor{::epoll_create1(EPOLL_CLOEXEC)};
  if (!out->epoll_)
    return start_failure("epoll_create1", errno);
  out->wakeup_ = descriptor{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!out->wakeup_)
    return start_failure("eventfd", errno);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = wakeup_id;
  if (::epoll_ctl(out->epoll_.get(), EPOLL_CTL_ADD, out->wakeup_.get(), &event) != 0)
    return start_failure("epoll_ctl", errno);
  // The thread inherits the mask: from its first moment on no signal of the embedder's runs there.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = 0;
  try {
    out->thread_ = std::thread{[self = out.get()] { self->run(); }};
    ::pthread_setname_np(out->thread_.native_handle(), name.c_str());
  } catch (const std::system_error& e) {
    failed = e.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0)
    return start_failure("starting a thread", failed);
  return out;
}

event_loop::~event_loop() {
  door_->close();
  if (!thread_.joinable())
    return;
  post([this] {
    std::lock_guard guard{mutex_};
    stop_ = true;
  });
  thread_.join();
}

void event_loop::post(task x) {
  bool was_empty = false;
  {
    std::lock_guard guard{mutex_};
    was_empty = tasks_.empty();
    tasks_.push_back(std::move(x));
  }
  if (was_empty)
    ::eventfd_write(wakeup_.get(), 1);
}

result<event_loop::watch_id> event_loop::watch(int fd, std::function<void(uint32_t)> ready) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.u64 = last_id_ + 1;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return start_failure("epoll_ctl", errno);
  ++last_id_;
  watches_.emplace(last_id_, std::make_shared<std::function<void(uint32_t)>>(std::move(ready)));
  return last_id_;
}

void event_loop::unwatch(int fd, watch_id id) noexcept {
  // Closing alone would not do: a child between clone and exec holds copies for a moment, and epoll
  // forgets a file only with its last descriptor.
  if (watches_.erase(id) != 0)
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void event_loop::call_at(clock::time_point when, task x) {
  timers_.emplace(when, std::move(x));
}

void event_loop::run() {
  for (;;) {
    wait_and_dispatch();
    run_timers();
    run_tasks();
    std::lock_guard guard{mutex_};
    if (stop_ && tasks_.empty())
      return;
  }
}

void event_loop::wait_and_dispatch() {
  int timeout = -1;
  if (!timers_.empty()) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - clock::now());
    timeout = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
  }
  std::array<epoll_event, 64> events;
  auto n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  for (int i = 0; i < n; ++i) {
    const auto& event = events[static_cast<size_t>(i)];
    if (event.data.u64 == wakeup_id) {
      eventfd_t ignored = 0;
      ::eventfd_read(wakeup_.get(), &ignored);
      continue;
    }
    // An earlier one of this round may have removed it, and it may remove itself while it runs.
    auto found = watches_.find(event.data.u64);
    if (found == watches_.end())
      continue;
    auto ready = found->second;
    (*ready)(event.events);
  }
}

void event_loop::run_tasks() {
  std::vector<task> now;
  {
    std::lock_guard guard{mutex_};
    now.swap(tasks_);
  }
  for (auto& x : now)
    x();
}

void event_loop::run_timers() {
  auto now = clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now)
    timers_.extract(timers_.begin()).mapped()();
}

} // namespace snakepit::io
