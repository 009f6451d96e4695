#pragma once

#include "actors/core/process_marks.hpp"
#include "actors/io/proc_files.hpp"
#include "actors/io/process_scan.hpp"
#include "tests/support/launching.hpp"

#include <csignal>
#include <string>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace snakepit::test {

/// A process that nobody looks after: a shell command in a session or group of its own. Ended and
/// reaped at the end. One that is to `exec sleep` has done so.
class stray {
public:
  struct traits {
    std::vector<std::string> environment{};
    bool session = true; ///< else a member of `group`, 0: of a group of its own
    pid_t group = 0;
  };

  explicit stray(const std::string& script) : stray{script, traits{}} {}
  stray(const std::string& script, traits x) {
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(
      &attributes, static_cast<short>(x.session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP));
    ::posix_spawnattr_setpgroup(&attributes, x.group);
    x.environment.insert(x.environment.begin(), "PATH=/usr/bin:/bin");
    std::vector<char*> environment;
    for (auto& one : x.environment)
      environment.push_back(one.data());
    environment.push_back(nullptr);
    std::string shell = "/bin/sh", flag = "-c", text = script;
    char* arguments[] = {shell.data(), flag.data(), text.data(), nullptr};
    auto failed =
      ::posix_spawn(&pid_, shell.c_str(), nullptr, &attributes, arguments, environment.data());
    ::posix_spawnattr_destroy(&attributes);
    REQUIRE(failed == 0);
    start_time_ = io::read_proc_stat(pid_).value().start_time;
    // For a moment of each exec there is no environment to be read.
    auto path = "/proc/" + std::to_string(pid_) + "/environ";
    auto is_there = [&] { return !io::read_small_file(path).value_or("").empty(); };
    auto is_sleep = [&] { return io::command_line_of(pid_).starts_with("sleep"); };
    auto sleeps = script.find("exec sleep") != std::string::npos;
    if (!script.starts_with("exit"))
      REQUIRE(eventually(patience, [&] { return is_there() && (!sleeps || is_sleep()); }));
  }
  ~stray() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  stray(stray&& x) noexcept : pid_{std::exchange(x.pid_, 0)}, start_time_{x.start_time_} {}
  stray& operator=(stray&&) = delete;

  pid_t pid() const {
    return pid_;
  }
  core::process_identity identity() const {
    return {pid_, start_time_, io::read_boot_id()};
  }
  bool lives() const {
    return is_alive(pid_);
  }

  /// Ends it, so that its number may be another's.
  core::host_identity end() {
    auto was = core::host_identity{pid_, start_time_, io::own_host().place};
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
    return was;
  }

private:
  pid_t pid_ = 0;
  uint64_t start_time_ = 0;
};

/// A host that has been.
inline core::host_identity dead_host() {
  return stray{"exec sleep 100"}.end();
}

inline std::vector<std::string> environment_of(const core::process_marks& x) {
  std::vector<std::string> out;
  for (auto& [name, text] : core::to_variables(x))
    out.push_back(name + "=" + text);
  return out;
}

} // namespace snakepit::test
