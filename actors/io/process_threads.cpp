#include "actors/io/process_threads.hpp"

#include "actors/io/proc_files.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <utility>

#include <dirent.h>
#include <sys/syscall.h>

namespace snakepit::io {

namespace {

/// Those that threads wait in.
constexpr auto calls = std::to_array<std::pair<long, const char*>>({
  {SYS_futex, "futex (a lock, or the GIL)"},
  {SYS_clock_nanosleep, "clock_nanosleep"},
  {SYS_nanosleep, "nanosleep"},
  {SYS_read, "read"},
  {SYS_pread64, "pread"},
  {SYS_write, "write"},
  {SYS_readv, "readv"},
  {SYS_writev, "writev"},
  {SYS_ppoll, "poll"},
  {SYS_pselect6, "select"},
  {SYS_epoll_pwait, "epoll_wait"},
#ifdef SYS_poll
  {SYS_poll, "poll"},
  {SYS_select, "select"},
  {SYS_epoll_wait, "epoll_wait"},
  {SYS_pause, "pause"},
#endif
  {SYS_recvfrom, "recv"},
  {SYS_recvmsg, "recvmsg"},
  {SYS_sendto, "send"},
  {SYS_sendmsg, "sendmsg"},
  {SYS_accept, "accept"},
  {SYS_accept4, "accept"},
  {SYS_connect, "connect"},
  {SYS_wait4, "wait for a child"},
  {SYS_waitid, "wait for a child"},
  {SYS_fsync, "fsync"},
  {SYS_flock, "flock"},
  {SYS_fcntl, "fcntl"},
  {SYS_rt_sigtimedwait, "wait for a signal"},
  {SYS_rt_sigsuspend, "wait for a signal"},
});

std::string folder_of(int64_t pid) {
  return "/proc/" + std::to_string(pid) + "/task/";
}

std::string name_of_call(long number) {
  for (auto& [value, name] : calls)
    if (value == number)
      return name;
  return "system call " + std::to_string(number);
}

std::string harmless(std::string x) {
  while (!x.empty() && x.back() == '\n')
    x.pop_back();
  auto odd = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  std::replace_if(x.begin(), x.end(), odd, '?');
  return x;
}

/// "202 0x7f.. ...", "running", or "-1 ..." outside of a call.
std::string find_wait(const std::string& folder) {
  if (auto text = read_small_file(folder + "/syscall")) {
    char* end = nullptr;
    auto number = std::strtol(text->c_str(), &end, 10);
    if (end != text->c_str() && number >= 0)
      return name_of_call(number);
  }
  auto place = harmless(read_small_file(folder + "/wchan").value_or(""));
  return place == "0" ? std::string{} : place;
}

} // namespace

std::vector<kernel_thread> list_threads(int64_t pid) {
  auto out = std::vector<kernel_thread>{};
  auto folder = folder_of(pid);
  std::unique_ptr<DIR, int (*)(DIR*)> open{::opendir(folder.c_str()), &::closedir};
  while (open && out.size() < max_listed_threads) {
    auto* entry = ::readdir(open.get());
    if (entry == nullptr)
      break;
    auto name = std::string{entry->d_name};
    if (name.starts_with('.'))
      continue;
    auto stat = parse_proc_stat(read_small_file(folder + name + "/stat").value_or(""));
    if (!stat)
      continue; // it has ended meanwhile
    auto comm = harmless(read_small_file(folder + name + "/comm").value_or(""));
    out.push_back({stat->pid, std::move(comm), stat->state, {}});
  }
  // The kernel lists the leader first; see that it is so.
  auto leader = std::find_if(out.begin(), out.end(), [&](auto& x) { return x.id == pid; });
  if (leader != out.end())
    std::rotate(out.begin(), leader, leader + 1);
  return out;
}

void find_waits(int64_t pid, std::vector<kernel_thread>& threads) {
  for (auto& x : threads)
    if (x.state == 'S' || x.state == 'D')
      x.waits_in = find_wait(folder_of(pid) + std::to_string(x.id));
}

bool handles_signal(int64_t pid, int number) {
  constexpr std::string_view key = "\nSigCgt:";
  auto text = read_small_file("/proc/" + std::to_string(pid) + "/status");
  auto at = text ? text->find(key) : std::string::npos;
  if (at == std::string::npos)
    return false;
  auto caught = std::strtoull(text->c_str() + at + key.size(), nullptr, 16);
  return (caught >> (number - 1) & 1) != 0;
}

} // namespace snakepit::io
