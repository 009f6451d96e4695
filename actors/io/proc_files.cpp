#include "actors/io/proc_files.hpp"

#include "actors/io/descriptor.hpp"

#include <cerrno>
#include <charconv>
#include <memory>
#include <sstream>

#include <dirent.h>
#include <fcntl.h>

namespace snakepit::io {

std::optional<std::string> read_small_file(const std::string& path) {
  descriptor fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd)
    return std::nullopt;
  std::string out(65536, '\0');
  size_t have = 0;
  while (have < out.size()) {
    auto n = ::read(fd.get(), out.data() + have, out.size() - have);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return std::nullopt;
    if (n == 0)
      break;
    have += static_cast<size_t>(n);
  }
  out.resize(have);
  return out;
}

std::optional<proc_stat> parse_proc_stat(const std::string& line) {
  // The name stands in parentheses and may itself hold parentheses, spaces and line ends.
  auto end_of_name = line.rfind(')');
  if (end_of_name == std::string::npos)
    return std::nullopt;
  proc_stat out;
  out.pid = std::atoll(line.c_str());
  std::istringstream rest{line.substr(end_of_name + 1)};
  rest >> out.state >> out.parent >> out.group >> out.session;
  auto skip = [&rest](int fields) {
    for (std::string skipped; fields > 0; --fields)
      rest >> skipped;
  };
  skip(7);
  rest >> out.user_ticks >> out.system_ticks;
  skip(4);
  rest >> out.threads;
  skip(1);
  rest >> out.start_time;
  skip(1);
  int64_t pages = 0;
  rest >> pages;
  if (!rest || out.pid <= 0)
    return std::nullopt;
  static const auto page_size = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  out.resident_bytes = pages > 0 ? static_cast<uint64_t>(pages) * page_size : 0;
  if (out.state == 'Z') {
    skip(27);
    if (int status = 0; rest >> status)
      out.wait_status = status;
  }
  return out;
}

std::optional<proc_stat> read_proc_stat(int64_t pid) {
  auto line = read_small_file("/proc/" + std::to_string(pid) + "/stat");
  if (!line)
    return std::nullopt;
  return parse_proc_stat(*line);
}

std::vector<int64_t> list_processes() {
  std::vector<int64_t> out;
  std::unique_ptr<DIR, int (*)(DIR*)> folder{::opendir("/proc"), &::closedir};
  if (!folder)
    return out;
  while (auto* entry = ::readdir(folder.get())) {
    std::string name = entry->d_name;
    int64_t pid = 0;
    auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad == std::errc{} && end == name.data() + name.size())
      out.push_back(pid);
  }
  return out;
}

std::string read_boot_id() {
  auto text = read_small_file("/proc/sys/kernel/random/boot_id");
  if (!text)
    return {};
  while (!text->empty() && text->back() == '\n')
    text->pop_back();
  return *text;
}

} // namespace snakepit::io
