#include "actors/io/exec_child.hpp"

#include "actors/io/system_error.hpp"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// Why clone(CLONE_VM | CLONE_VFORK) on a stack of its own:
//  * fork would copy the page tables of a large host (tens of milliseconds) and runs at-fork
//  handlers of
//    whoever registered some, among them gRPC's;
//  * posix_spawn is made the same way, but cannot arm the lifetime pipe, set no_new_privs, give
//  back
//    the pidfd without a race, or say which step failed;
//  * vfork shares the caller's stack frame, which compilers do not promise to get right.
// The child shares our memory until it has executed: it makes system calls and nothing else,
// through `syscall` itself, since wrappers may be intercepted by a sanitizer and keep books that
// are ours. Its functions are not instrumented for the same reason. The shared `errno` is the
// calling thread's, which stands still.
#define SNAKEPIT_IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...);

namespace snakepit::io {

namespace {

constexpr size_t stack_size = size_t{128} * 1024;
constexpr size_t guard_size = size_t{4} * 1024;
// What the kernel calls sigset_t: one bit for each of 64 signals.
constexpr size_t kernel_mask_size = 8;
constexpr int last_signal = 64;

struct kernel_sigaction {
  void* handler;
  unsigned long flags;
  void* restorer;
  unsigned long mask;
};

struct child_start {
  const child_plan* plan;
  pid_t host;
  unsigned long no_signals;
  volatile int number;
  const char* volatile step;
};

struct directory_entry {
  unsigned long inode;
  long offset;
  unsigned short size;
  unsigned char type;
  char name[1];
};

/// One pass over /proc/self/fd; returns whether something was closed.
SNAKEPIT_IN_CHILD bool close_listed(int first) noexcept {
  auto folder = static_cast<int>(
    ::syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (folder < 0)
    return false;
  bool closed = false;
  alignas(directory_entry) char buffer[2048];
  for (;;) {
    auto n = ::syscall(SYS_getdents64, folder, buffer, sizeof buffer);
    if (n <= 0)
      break;
    for (long at = 0; at < n;) {
      auto* entry = reinterpret_cast<directory_entry*>(buffer + at);
      at += entry->size;
      int fd = 0;
      for (const char* c = entry->name; *c >= '0' && *c <= '9'; ++c)
        fd = fd * 10 + (*c - '0');
      if (entry->name[0] != '.' && fd >= first && fd != folder) {
        ::syscall(SYS_close, fd);
        closed = true;
      }
    }
  }
  ::syscall(SYS_close, folder);
  return closed;
}

SNAKEPIT_IN_CHILD void give_up(child_start* start, const char* step) noexcept {
  start->number = errno;
  start->step = step;
  ::syscall(SYS_exit_group, 127);
}

/// Descriptors 0 to 8, and none above.
SNAKEPIT_IN_CHILD void set_descriptors(child_start* start) noexcept {
  for (int i = 0; i < worker_descriptors; ++i)
    if (::syscall(SYS_dup3, start->plan->sources[i], i, 0) < 0)
      give_up(start, "dup3");
  // Armed before the copies that this child has of everybody's write ends are closed: if the host
  // dies at any moment from here on, the last of them ends this process.
  auto self = ::syscall(SYS_getpid);
  if (::syscall(SYS_fcntl, lifetime_descriptor, F_SETOWN, -self) < 0
      || ::syscall(SYS_fcntl, lifetime_descriptor, F_SETSIG, SIGKILL) < 0
      || ::syscall(SYS_fcntl, lifetime_descriptor, F_SETFL, O_ASYNC) < 0)
    give_up(start, "arming the lifetime pipe");
  if (::syscall(SYS_close_range, worker_descriptors, ~0U, 0) < 0)
    close_from_by_listing(worker_descriptors);
  pollfd pipe{lifetime_descriptor, POLLIN, 0};
  timespec none{0, 0};
  ::syscall(SYS_ppoll, &pipe, 1, &none, nullptr, kernel_mask_size);
  if ((pipe.revents & (POLLHUP | POLLERR)) != 0 || ::syscall(SYS_getppid) != start->host)
    give_up(start, "the host has died");
}

/// Handlers of ours would be gone after exec anyway, but what is ignored would stay ignored.
SNAKEPIT_IN_CHILD void reset_signals(const child_start* start) noexcept {
  kernel_sigaction by_default{nullptr, 0, nullptr, 0};
  for (int i = 1; i <= last_signal; ++i)
    ::syscall(SYS_rt_sigaction, i, &by_default, nullptr, kernel_mask_size);
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &start->no_signals, nullptr, kernel_mask_size);
}

SNAKEPIT_IN_CHILD void limit(child_start* start, int what, uint64_t soft, uint64_t hard,
                             const char* step) noexcept {
  rlimit x{soft, hard};
  if (::syscall(SYS_prlimit64, 0, what, &x, nullptr) < 0)
    give_up(start, step);
}

SNAKEPIT_IN_CHILD void set_limits(child_start* start) noexcept {
  const auto& x = start->plan->limits;
  // Its memory holds what callers sent: no core file unless somebody wants one.
  limit(start, RLIMIT_CORE, x.core, x.core, "setting limits.core");
  if (x.memory != 0)
    limit(start, RLIMIT_DATA, x.memory, x.memory, "setting limits.memory");
  if (x.files != 0)
    limit(start, RLIMIT_NOFILE, x.files, x.files, "setting limits.files");
  if (x.cpu_seconds != 0)
    limit(start, RLIMIT_CPU, x.cpu_seconds, x.cpu_seconds + cpu_seconds_more,
          "setting limits.cpu_seconds");
  if (x.nice != 0) {
    // The bare call answers 20 less the level, so that it is never below 1.
    auto now = 20 - ::syscall(SYS_getpriority, PRIO_PROCESS, 0);
    auto wanted = now + x.nice > 19 ? 19 : now + x.nice;
    if (::syscall(SYS_setpriority, PRIO_PROCESS, 0, wanted) < 0)
      give_up(start, "setting limits.nice");
  }
}

/// The bare calls change this process only: glibc's would change all threads of the host.
SNAKEPIT_IN_CHILD void set_user(child_start* start) noexcept {
  const auto* user = start->plan->user;
  if (user == nullptr)
    return;
  if (::syscall(SYS_setgroups, user->groups.size(), user->groups.data()) < 0)
    give_up(start, "setting the groups of limits.user");
  if (::syscall(SYS_setresgid, user->group, user->group, user->group) < 0)
    give_up(start, "setting the group of limits.user");
  if (::syscall(SYS_setresuid, user->id, user->id, user->id) < 0)
    give_up(start, "becoming limits.user");
}

SNAKEPIT_IN_CHILD int run_child(void* argument) {
  auto* start = static_cast<child_start*>(argument);
  const auto* plan = start->plan;
  if (::syscall(SYS_setsid) < 0)
    give_up(start, "setsid");
  set_descriptors(start);
  set_limits(start);
  set_user(start);
  if (::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    give_up(start, "setting no_new_privs");
  if (plan->directory != nullptr && ::syscall(SYS_chdir, plan->directory) < 0)
    give_up(start, "chdir");
  reset_signals(start);
  ::syscall(SYS_execve, plan->executable, plan->arguments, plan->environment);
  give_up(start, "execve");
  return 127;
}

} // namespace

SNAKEPIT_IN_CHILD void close_from_by_listing(int first) noexcept {
  // Closing while listing may skip entries: until a pass finds nothing.
  while (close_listed(first)) {
  }
}

result<child_stack> child_stack::make() {
  auto* base = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (base == MAP_FAILED)
    return start_failure("mmap of a stack", errno);
  child_stack out{base};
  if (::mprotect(base, guard_size, PROT_NONE) != 0)
    return start_failure("mprotect of a stack", errno);
  return out;
}

child_stack::~child_stack() {
  if (base_ != nullptr)
    ::munmap(base_, stack_size);
}

void* child_stack::top() const noexcept {
  return static_cast<char*>(base_) + stack_size;
}

tl::expected<child, child_failure> spawn_child(const child_plan& plan, const child_stack& stack) {
  child_start start{&plan, ::getpid(), 0, 0, nullptr};
  // No handler of the embedder's may run in the child, on our memory: all signals, also the two
  // that glibc keeps for itself and does not let pthread_sigmask block, hence the bare call.
  unsigned long all = ~0UL;
  unsigned long before = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, kernel_mask_size);
  int pidfd = -1;
  auto pid = ::__clone(run_child, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                       &start, &pidfd);
  auto number = errno;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, kernel_mask_size);
  if (pid < 0)
    return tl::unexpected<child_failure>{{"clone", number}};
  descriptor end{pidfd};
  if (start.step != nullptr) {
    // It is exiting; this waits for no more than that.
    siginfo_t ignored{};
    while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &ignored, WEXITED) != 0 && errno == EINTR) {
    }
    return tl::unexpected<child_failure>{{start.step, start.number}};
  }
  return child{pid, std::move(end)};
}

} // namespace snakepit::io
