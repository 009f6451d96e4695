#include "actors/io/orphans.hpp"

#include "actors/io/descriptor.hpp"
#include "actors/io/proc_files.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// What the launchers reap is never seen as often.
constexpr int looks = 6;
constexpr int end_wait_ms = 1000;
/// For those of which it is not clear whose they are.
constexpr int unclear_looks = 20;
constexpr int unclear_pause_ms = 5;

/// The children of all our threads, in sessions that are not ours.
std::vector<proc_stat> foreign_children() {
  auto out = std::vector<proc_stat>{};
  auto our_session = ::getsid(0);
  auto add = [&](int64_t pid) {
    auto stat = read_proc_stat(pid);
    if (stat && stat->parent == ::getpid() && stat->session != our_session)
      out.push_back(*stat);
  };
  std::error_code bad;
  auto listed = false;
  for (fs::directory_iterator it{"/proc/self/task", bad}, end; !bad && it != end; it.increment(bad))
    if (auto text = read_small_file((it->path() / "children").string())) {
      listed = true;
      for (auto* at = text->c_str(); *at != 0;) {
        char* next = nullptr;
        auto pid = std::strtoll(at, &next, 10);
        if (next == at)
          break;
        add(pid);
        at = next + std::strspn(next, " \n");
      }
    }
  if (!listed) // a kernel that does not say
    for (auto pid : list_processes())
      add(pid);
  return out;
}

enum class sight { marked, unmarked, unclear };

/// Unclear: it has no environment, perhaps since it is in the middle of an exec.
sight look_at(int64_t pid, const std::string& run_id) {
  auto environment = read_small_file("/proc/" + std::to_string(pid) + "/environ");
  if (environment && environment->empty())
    return sight::unclear;
  auto mark = "SNAKEPIT_RUN_ID=" + run_id;
  mark += '\0';
  auto found = environment && ('\0' + *environment).find('\0' + mark) != std::string::npos;
  return found ? sight::marked : sight::unmarked;
}

void reap(int64_t pid) {
  siginfo_t ignored{};
  ::waitid(P_PID, static_cast<id_t>(pid), &ignored, WEXITED | WNOHANG);
}

} // namespace

orphan_keeper::orphan_keeper(std::chrono::milliseconds pause) : pause_{pause} {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  thread_ = std::thread{[this] { run(); }};
}

orphan_keeper::~orphan_keeper() {
  {
    auto guard = std::lock_guard{mutex_};
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

void orphan_keeper::run() {
  auto lock = std::unique_lock{mutex_};
  while (!changed_.wait_for(lock, pause_, [this] { return ends_; }))
    look();
}

void orphan_keeper::look() {
  auto ended = decltype(seen_){};
  for (auto& x : foreign_children()) {
    if (x.state != 'Z')
      continue;
    auto key = std::pair{x.pid, x.start_time};
    auto i = seen_.find(key);
    auto times = i == seen_.end() ? 1 : i->second + 1;
    if (x.pid != x.session || times >= looks)
      reap(x.pid);
    else
      ended.emplace(key, times);
  }
  seen_ = std::move(ended);
}

std::vector<int64_t> orphan_keeper::end_all(const std::string& run_id) {
  auto guard = std::lock_guard{mutex_};
  auto left = std::vector<int64_t>{};
  auto patience = unclear_looks;
  // What one of them has started comes to us when it ends.
  for (auto again = true; std::exchange(again, false);) {
    auto unclear = false;
    for (auto& x : foreign_children()) {
      if (x.state == 'Z') {
        reap(x.pid);
        continue;
      }
      auto seen = look_at(x.pid, run_id);
      unclear |= seen == sight::unclear;
      if (seen != sight::marked || std::ranges::find(left, x.pid) != left.end())
        continue;
      // Our child until we reap it, so the number is its own.
      descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, x.pid, 0))};
      if (!pidfd || ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) != 0)
        continue;
      pollfd end{pidfd.get(), POLLIN, 0};
      if (::poll(&end, 1, end_wait_ms) == 1)
        reap(x.pid);
      else
        left.push_back(x.pid);
      again = true;
    }
    if (unclear && !again && patience-- > 0) {
      ::poll(nullptr, 0, unclear_pause_ms);
      again = true;
    }
  }
  return left;
}

} // namespace snakepit::io
