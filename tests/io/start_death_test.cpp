#include "tests/support/host_process.hpp"

#include <set>

#include <sys/ptrace.h>

using namespace snakepit;
using namespace snakepit::test;

/// The host is killed at every moment of a start: under ptrace, when the child that is to become
/// the worker stands at the entry or the exit of its n-th system call.

namespace {

class traced_host {
public:
  explicit traced_host(std::string run) : run_{std::move(run)} {
    host_ = ::fork();
    REQUIRE(host_ >= 0);
    if (host_ == 0) {
      ::ptrace(PTRACE_TRACEME, 0, 0, 0);
      ::raise(SIGSTOP);
      ::execl(SNAKEPIT_HOST_PROGRAM, SNAKEPIT_HOST_PROGRAM, "1", run_.c_str(), "", "quiet",
              nullptr);
      ::_exit(127);
    }
    int status = 0;
    REQUIRE(::waitpid(host_, &status, 0) == host_);
    constexpr long options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC
                             | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
    REQUIRE(::ptrace(PTRACE_SETOPTIONS, host_, 0, options) == 0);
    ::ptrace(PTRACE_CONT, host_, 0, 0);
  }
  ~traced_host() {
    if (!killed_)
      kill();
  }

  /// Kills the host at the child's n-th stop; returns false if the child has executed before.
  bool kill_at(int n) {
    bool executed = false;
    for (int stops = 0; stops <= n;) {
      int status = 0;
      auto pid = ::waitpid(-1, &status, __WALL);
      REQUIRE(pid > 0);
      if (!WIFSTOPPED(status))
        continue;
      auto event = status >> 16;
      // A new one may be heard of before its maker tells of it: it waits until it has a name.
      if (event == 0 && WSTOPSIG(status) == SIGSTOP && pid != host_ && named_.count(pid) == 0) {
        unnamed_.insert(pid);
        continue;
      }
      if (event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
        unsigned long number = 0;
        ::ptrace(PTRACE_GETEVENTMSG, pid, 0, &number);
        auto made = static_cast<pid_t>(number);
        named_.insert(made);
        if (event == PTRACE_EVENT_VFORK)
          child_ = made;
        if (unnamed_.erase(made) > 0)
          ::ptrace(made == child_ ? PTRACE_SYSCALL : PTRACE_CONT, made, 0, 0);
      }
      if (pid != child_) {
        ::ptrace(PTRACE_CONT, pid, 0, signal_of(status, event));
        continue;
      }
      executed = event == PTRACE_EVENT_EXEC;
      if (executed)
        break;
      // The many in which signals get their defaults are as good as one.
      stops += !(is_stop_of_sigaction());
      if (stops <= n)
        ::ptrace(PTRACE_SYSCALL, pid, 0, 0);
    }
    kill();
    ::ptrace(PTRACE_DETACH, child_, 0, 0);
    return !executed;
  }

  pid_t child() const {
    return child_;
  }

private:
  static int signal_of(int status, int event) {
    auto number = WSTOPSIG(status) & 0x7f;
    return event != 0 || number == SIGSTOP || number == SIGTRAP ? 0 : number;
  }

  bool is_stop_of_sigaction() const {
    struct {
      uint8_t op;
      uint8_t pad[3];
      uint32_t arch;
      uint64_t instruction;
      uint64_t stack;
      uint64_t nr;
      uint64_t rest[8];
    } x{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, child_, sizeof x, &x);
    constexpr uint8_t entry = 1;
    if (x.op == entry)
      in_sigaction_ = x.nr == SYS_rt_sigaction;
    return in_sigaction_;
  }

  void kill() {
    killed_ = true;
    ::kill(host_, SIGKILL);
    int status = 0;
    // Its threads are traced, too, and are waited for one by one; the last is the leader.
    for (;;) {
      auto pid = ::waitpid(-1, &status, __WALL);
      if (pid < 0 || (pid == host_ && !WIFSTOPPED(status)))
        return;
    }
  }

  std::string run_;
  pid_t host_ = 0;
  pid_t child_ = 0;
  std::set<pid_t> named_;
  std::set<pid_t> unnamed_;
  bool killed_ = false;
  mutable bool in_sigaction_ = false;
};

} // namespace

TEST_CASE("a host killed at any system call of a start leaves nothing [R5]") {
  int moments = 0;
  for (bool more = true; more; ++moments) {
    REQUIRE(moments < 200);
    auto run = io::make_run_id();
    traced_host victim{run};
    more = victim.kill_at(moments);
    INFO("moment ", moments);
    REQUIRE(victim.child() > 0);
    CHECK(eventually(soon, [&] { return !is_alive(victim.child()); }));
    CHECK(processes_of_run(run).empty());
    if (is_alive(victim.child()))
      ::kill(victim.child(), SIGKILL);
  }
  CHECK(moments > 30); // setsid, seven dup3, arming, closing, looking, limits, exec: each twice
}
