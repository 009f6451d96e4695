#include "actors/cli/program.hpp"

#include <algorithm>
#include <cerrno>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace snakepit::cli {

namespace {

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  auto out = std::vector<char*>{};
  for (auto& x : words)
    out.push_back(x.data());
  out.push_back(nullptr);
  return out;
}

} // namespace

std::variant<std::unique_ptr<program>, int>
program::start(const std::vector<std::string>& words, const std::vector<std::string>& variables,
               const sigset_t& blocked) {
  auto arguments = words;
  auto environment = variables;
  for (auto** x = environ; x && *x; ++x)
    if (std::ranges::none_of(variables, [&](auto& v) { return name_of(v) == name_of(*x); }))
      environment.emplace_back(*x);
  sigset_t to_default; // we ignore it, which it would inherit
  sigemptyset(&to_default);
  sigaddset(&to_default, SIGPIPE);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&attributes, &blocked);
  posix_spawnattr_setsigdefault(&attributes, &to_default);
  pid_t pid = 0;
  auto problem = posix_spawnp(&pid, arguments[0].c_str(), nullptr, &attributes,
                              pointers(arguments).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  if (problem != 0)
    return problem;
  return std::unique_ptr<program>{new program{pid}};
}

void program::signal(int number) {
  std::lock_guard lock{mutex_};
  if (!ended_)
    kill(pid_, number);
}

int program::wait() {
  siginfo_t how{};
  // Not reaped yet, so that the number stays its own until nobody uses it any more.
  while (waitid(P_PID, static_cast<id_t>(pid_), &how, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  std::lock_guard lock{mutex_};
  ended_ = true;
  waitid(P_PID, static_cast<id_t>(pid_), &how, WEXITED);
  return how.si_code == CLD_EXITED ? how.si_status : 128 + how.si_status;
}

} // namespace snakepit::cli
