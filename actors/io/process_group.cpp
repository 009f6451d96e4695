#include "actors/io/process_group.hpp"

#include "actors/io/host_only.hpp"

#include <cerrno>
#include <csignal>

#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace snakepit::io {

namespace {

/// waitid with the resources used, which glibc leaves out.
int wait_for(int pidfd, siginfo_t& how, int options, rusage* used) {
  long r = 0;
  do
    r = ::syscall(SYS_waitid, P_PIDFD, pidfd, &how, options, used);
  while (r < 0 && errno == EINTR);
  return static_cast<int>(r);
}

std::chrono::microseconds to_microseconds(const timeval& x) {
  return std::chrono::seconds{x.tv_sec} + std::chrono::microseconds{x.tv_usec};
}

exit_status to_status(const siginfo_t& how, const rusage& used) {
  exit_status out;
  if (how.si_code == CLD_EXITED)
    out.code = how.si_status;
  else
    out.signal = how.si_status;
  out.user_time = to_microseconds(used.ru_utime);
  out.system_time = to_microseconds(used.ru_stime);
  out.max_rss_bytes = static_cast<uint64_t>(used.ru_maxrss) * 1024;
  return out;
}

bool has_ended(int pidfd) {
  pollfd x{pidfd, POLLIN, 0};
  return ::poll(&x, 1, 0) > 0;
}

int send(int pidfd, int number) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0));
}

} // namespace

process_group::process_group(pid_t leader, descriptor pidfd, lifetime_ends lifetime)
  : leader_{leader}, pidfd_{std::move(pidfd)}, lifetime_{std::move(lifetime)} {}

bool process_group::signal(int number) noexcept {
  std::lock_guard guard{mutex_};
  // A zombie would take the signal without complaint. That one may not be signalled is there, too.
  return pidfd_ && !reaped_ && !has_ended(pidfd_.get())
         && (send(pidfd_.get(), number) == 0 || (number == 0 && errno == EPERM));
}

bool process_group::signal_thread(int64_t thread, int number) noexcept {
  std::lock_guard guard{mutex_};
  // As for `killpg`: until the leader is reaped its number is its own.
  return !orphaned_ && leader_unreaped() && !has_ended(pidfd_.get())
         && ::syscall(SYS_tgkill, leader_, static_cast<pid_t>(thread), number) == 0;
}

bool process_group::kill() noexcept {
  std::lock_guard guard{mutex_};
  auto was_there = pidfd_ && !reaped_ && !has_ended(pidfd_.get());
  kill_locked();
  return was_there;
}

bool process_group::leader_unreaped() const noexcept {
  return pidfd_ && !reaped_ && !is_fork() && (send(pidfd_.get(), 0) == 0 || errno == EPERM);
}

void process_group::kill_locked() noexcept {
  if (leader_unreaped()) {
    if (!orphaned_)
      ::killpg(leader_, SIGKILL);
    // One that was forked just now does not lead its group yet.
    send(pidfd_.get(), SIGKILL);
  }
  lifetime_.close();
}

std::optional<exit_status> process_group::reap() noexcept {
  std::lock_guard guard{mutex_};
  siginfo_t how{};
  rusage used{};
  exit_status out;
  // First only look, status and resources included: what somebody else's wait for any child takes
  // away from now on does not matter.
  if (wait_for(pidfd_.get(), how, WEXITED | WNOWAIT | WNOHANG, &used) == 0) {
    if (how.si_pid == 0)
      return std::nullopt;
    out = to_status(how, used);
  } else if (has_ended(pidfd_.get())) {
    out.known = false;
  } else {
    return std::nullopt;
  }
  kill_locked();
  wait_for(pidfd_.get(), how, WEXITED | WNOHANG, nullptr);
  reaped_ = true;
  return out;
}

void process_group::give_up() noexcept {
  std::lock_guard guard{mutex_};
  kill_locked();
  reaped_ = true;
}

void process_group::orphan() noexcept {
  std::lock_guard guard{mutex_};
  orphaned_ = true;
  kill_locked();
}

void process_group::release() noexcept {
  std::lock_guard guard{mutex_};
  pidfd_.reset();
}

} // namespace snakepit::io
