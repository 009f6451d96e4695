#include "actors/io/host_resources.hpp"

#include "actors/io/proc_files.hpp"

#include <filesystem>
#include <iterator>
#include <map>
#include <set>

#include <unistd.h>

namespace snakepit::io {

namespace {

size_t count_descriptors(int64_t pid) {
  std::error_code bad;
  std::filesystem::directory_iterator it{"/proc/" + std::to_string(pid) + "/fd", bad};
  size_t count = 0;
  for (; !bad && it != std::filesystem::directory_iterator{}; it.increment(bad))
    ++count;
  return count;
}

} // namespace

resource_usage measure(const std::vector<int64_t>& pids) {
  std::map<int64_t, proc_stat> all;
  std::multimap<int64_t, int64_t> children;
  for (auto pid : list_processes()) {
    if (auto stat = read_proc_stat(pid)) {
      all.emplace(pid, *stat);
      children.emplace(stat->parent, pid);
    }
  }
  std::vector<int64_t> open{pids};
  open.push_back(::getpid());
  std::set<int64_t> seen;
  resource_usage out;
  while (!open.empty()) {
    auto pid = open.back();
    open.pop_back();
    auto found = all.find(pid);
    if (found == all.end() || found->second.state == 'Z' || !seen.insert(pid).second)
      continue;
    ++out.processes;
    out.threads += found->second.threads;
    out.memory_bytes += found->second.resident_bytes;
    out.descriptors += count_descriptors(pid);
    auto [begin, end] = children.equal_range(pid);
    for (auto it = begin; it != end; ++it)
      open.push_back(it->second);
  }
  return out;
}

} // namespace snakepit::io
