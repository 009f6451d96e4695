#pragma once

#include "tests/support/launching.hpp"

#include <csignal>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace snakepit::test {

/// The host program, of a run of its own, to be killed.
class host_process {
public:
  /// With a module path it forks its workers; `mode` is what host_program.cpp says.
  explicit host_process(std::string run, int workers, std::string path = {}, std::string mode = {})
    : run_{std::move(run)} {
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    std::string name = SNAKEPIT_HOST_PROGRAM;
    auto count = std::to_string(workers);
    char* arguments[] = {name.data(), count.data(), run_.data(), path.data(), mode.data(), nullptr};
    // A group of its own: what it forks stays in it and is ended with this.
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    REQUIRE(::posix_spawn(&pid_, name.c_str(), &actions, &attributes, arguments, environ) == 0);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(fds[1]);
    output_ = io::descriptor{fds[0]};
  }
  ~host_process() {
    ::killpg(pid_, SIGKILL);
    if (!waited_)
      ::waitpid(pid_, nullptr, 0);
    for (auto x : others()) // of a test that failed
      ::kill(static_cast<pid_t>(x), SIGKILL);
  }
  host_process(const host_process&) = delete;
  host_process& operator=(const host_process&) = delete;

  /// All workers are up.
  bool await_ready() const {
    pollfd x{output_.get(), POLLIN, 0};
    char buffer[16];
    return ::poll(&x, 1, static_cast<int>(patience.count())) > 0
           && ::read(output_.get(), buffer, sizeof buffer) > 0;
  }

  void signal(int number) const {
    REQUIRE(::kill(pid_, number) == 0);
  }

  /// Stops all its threads; they have stopped when this returns.
  void stop() const {
    signal(SIGSTOP);
    int status = 0;
    REQUIRE(::waitpid(pid_, &status, WUNTRACED) == pid_);
    REQUIRE(WIFSTOPPED(status));
  }

  /// The host itself, and nothing of its group.
  void kill() {
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    waited_ = true;
  }

  pid_t pid() const {
    return pid_;
  }

  /// What else of the run lives.
  std::vector<int64_t> others() const {
    return processes_of_run(run_);
  }
  bool all_gone(std::chrono::milliseconds limit) const {
    return eventually(limit, [&] { return others().empty(); });
  }

private:
  std::string run_;
  pid_t pid_ = 0;
  io::descriptor output_;
  bool waited_ = false;
};

/// Our own copy of a descriptor of another process: the same open file, so that its flags can be
/// changed from outside, and its other side does not see an end while we hold it.
inline io::descriptor copy_of(int64_t pid, int fd) {
  io::descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  return io::descriptor{static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), fd, 0))};
}

/// Copies of all descriptors of another process.
inline std::vector<io::descriptor> copies_of_all(int64_t pid) {
  std::vector<io::descriptor> out;
  for (const auto& x : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/fd"})
    if (auto fd = copy_of(pid, std::stoi(x.path().filename().string())))
      out.push_back(std::move(fd));
  return out;
}

/// Takes the kernel's order to end a group off a worker's lifetime pipe.
inline void disarm(int64_t pid) {
  constexpr int lifetime = 5;
  auto fd = copy_of(pid, lifetime);
  REQUIRE(fd);
  REQUIRE(::fcntl(fd.get(), F_SETFL, 0) == 0);
}

} // namespace snakepit::test
