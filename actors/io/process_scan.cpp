#include "actors/io/process_scan.hpp"

#include "actors/io/descriptor.hpp"
#include "actors/io/proc_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

/// More than the kernel lets an environment be in most places; what is longer is cut.
constexpr size_t longest_environment = size_t{2} << 20;

/// Reads the environment into `to`, whose memory is used again; false if it must not be read.
bool read_environment(int64_t pid, std::string& to) {
  auto path = "/proc/" + std::to_string(pid) + "/environ";
  auto fd = descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd)
    return false;
  size_t have = 0;
  while (have < longest_environment) {
    if (to.size() < have + 4096)
      to.resize(std::max<size_t>(16384, to.size() * 2));
    auto n = ::read(fd.get(), to.data() + have, to.size() - have);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    if (n == 0)
      break;
    have += static_cast<size_t>(n);
  }
  to.resize(have);
  return true;
}

bool is_ours(int64_t pid) {
  struct stat about {};
  auto path = "/proc/" + std::to_string(pid);
  return ::stat(path.c_str(), &about) == 0 && about.st_uid == ::geteuid();
}

std::string namespace_of_self(const char* kind) {
  auto text = std::array<char, 64>{};
  auto path = std::string{"/proc/self/ns/"} + kind;
  auto n = ::readlink(path.c_str(), text.data(), text.size());
  return n > 0 ? std::string{text.data(), static_cast<size_t>(n)} : std::string{"-"};
}

std::optional<core::process_sight> look_at(int64_t pid) {
  auto stat = read_proc_stat(pid);
  if (!stat)
    return std::nullopt;
  auto x = core::process_sight{};
  x.pid = pid;
  x.start_time = stat->start_time;
  x.parent = stat->parent;
  x.group = stat->group;
  x.session = stat->session;
  // The main thread of a process may have ended while others go on.
  x.zombie = (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
  x.ours = is_ours(pid);
  return x;
}

/// A list of /proc is made bit by bit: a host that began meanwhile, with a low number, is not in
/// it, though its workers are. So the hosts that are named are looked at again.
void look_for_hosts(std::vector<core::process_sight>& seen) {
  auto hosts = std::map<int64_t, std::optional<core::process_sight>>{};
  for (auto& x : seen)
    if (x.marks && x.marks->host.pid > 0)
      hosts.emplace(x.marks->host.pid, std::nullopt);
  for (auto& [pid, sight] : hosts)
    sight = look_at(pid);
  for (auto& x : seen)
    if (auto i = hosts.find(x.pid); i != hosts.end()) {
      if (i->second && i->second->start_time != x.start_time)
        x = *i->second;
      i->second.reset();
    }
  for (auto& [pid, sight] : hosts)
    if (sight)
      seen.push_back(std::move(*sight));
}

} // namespace

std::vector<core::process_sight> scan_processes() {
  auto out = std::vector<core::process_sight>{};
  auto environment = std::string{};
  auto all_can_be_read = ::geteuid() == 0;
  for (auto pid : list_processes()) {
    auto x = look_at(pid);
    if (!x)
      continue;
    if (!x->zombie && (x->ours || all_can_be_read) && read_environment(pid, environment))
      x->marks = core::read_marks(environment);
    out.push_back(std::move(*x));
  }
  look_for_hosts(out);
  return out;
}

core::host_identity own_host() {
  static const auto place = namespace_of_self("pid") + namespace_of_self("time");
  auto stat = read_proc_stat(::getpid());
  return {::getpid(), stat ? stat->start_time : 0, place};
}

core::settler own_settler(const std::string& instance) {
  return {::getpid(), own_host().place, read_boot_id(), instance};
}

std::string command_line_of(int64_t pid) {
  constexpr size_t longest = 200;
  auto text = read_small_file("/proc/" + std::to_string(pid) + "/cmdline").value_or("");
  while (!text.empty() && text.back() == '\0')
    text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text.substr(0, longest);
}

} // namespace snakepit::io
