#include "actors/io/command.hpp"

#include "actors/io/descriptor.hpp"
#include "actors/io/executable.hpp"
#include "actors/io/system_error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace snakepit::io {

namespace {

using clock = std::chrono::steady_clock;
constexpr size_t most_kept = size_t{64} << 10;

struct pipe_ends {
  descriptor read;
  descriptor write;
};

pipe_ends make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return {};
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {descriptor{ends[0]}, descriptor{ends[1]}};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& x : texts)
    out.push_back(const_cast<char*>(x.c_str()));
  out.push_back(nullptr);
  return out;
}

/// What posix_spawn does between fork and exec.
class spawn_setup {
public:
  spawn_setup(int out, int err) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK
                                            | POSIX_SPAWN_SETSIGDEF);
  }
  ~spawn_setup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  spawn_setup(const spawn_setup&) = delete;
  spawn_setup& operator=(const spawn_setup&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

/// Takes what is there now, and forgets what is too much. False at the end.
bool take(descriptor& from, std::string& into) {
  char buffer[4096];
  for (;;) {
    auto n = ::read(from.get(), buffer, sizeof buffer);
    if (n < 0)
      return errno == EAGAIN || errno == EINTR;
    if (n == 0)
      return false;
    into.append(buffer, std::min(static_cast<size_t>(n), most_kept - into.size()));
  }
}

int left(clock::time_point deadline) {
  auto x = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
  return static_cast<int>(std::clamp<int64_t>(x.count(), 0, 1 << 30));
}

/// Reads until the program has ended, whoever else still holds the pipes.
bool watch(int ended, descriptor& out, descriptor& err, clock::time_point deadline,
           command_end& into) {
  for (;;) {
    std::array<pollfd, 3> waited{
      {{ended, POLLIN, 0}, {out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}}};
    if (::poll(waited.data(), waited.size(), left(deadline)) == 0)
      return false;
    // Seen before the pipes are read: all that it wrote is there then.
    bool over = waited[0].revents != 0;
    if (out && !take(out, into.output))
      out.reset();
    if (err && !take(err, into.errors))
      err.reset();
    if (over)
      return true;
  }
}

} // namespace

result<command_end> run_command(const std::vector<std::string>& argv,
                                const std::vector<std::string>& environment,
                                std::chrono::milliseconds timeout) {
  auto out = make_pipe();
  auto err = make_pipe();
  if (!out.read || !err.read)
    return start_failure("pipe", errno);
  pid_t pid = 0;
  {
    spawn_setup setup{out.write.get(), err.write.get()};
    if (auto why = ::posix_spawn(&pid, argv[0].c_str(), &setup.actions, &setup.attributes,
                                 pointers(argv).data(), pointers(environment).data()))
      return exec_failure(argv[0], why);
  }
  out.write.reset();
  err.write.reset();
  command_end end;
  descriptor ended{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  end.timed_out = !ended || !watch(ended.get(), out.read, err.read, clock::now() + timeout, end);
  // Not reaped yet, so the number of the group is still ours.
  ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  end.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return end;
}

} // namespace snakepit::io
