#include "actors/io/oom_counters.hpp"

#include "actors/io/proc_files.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>

#include <unistd.h>

namespace snakepit::io {

namespace {

/// The number behind a word that begins a line.
std::optional<uint64_t> number_after(const std::string& file, std::string word) {
  auto text = read_small_file(file);
  if (!text)
    return std::nullopt;
  text->insert(0, "\n");
  word.insert(0, "\n").push_back(' ');
  auto at = text->find(word);
  if (at == std::string::npos)
    return std::nullopt;
  return std::strtoull(text->c_str() + at + word.size(), nullptr, 10);
}

std::optional<uint64_t> machine_kills() {
  return number_after("/proc/vmstat", "oom_kill");
}

uint64_t limit_beside(const std::string& source) {
  constexpr uint64_t endless = uint64_t{1} << 60; // how version 1 says unlimited
  auto folder = source.substr(0, source.rfind('/'));
  for (auto* name : {"/memory.max", "/memory.limit_in_bytes"})
    if (auto text = read_small_file(folder + name))
      if (auto limit = std::strtoull(text->c_str(), nullptr, 10); limit < endless)
        return limit;
  return 0;
}

/// Raises `before` by the kills that have explained the ends of others, and takes one if there is
/// any left for this.
void claim(const std::string& source, bool killed, std::optional<uint64_t>& before,
           const std::optional<uint64_t>& after) {
  static std::mutex mutex;
  static std::map<std::string, uint64_t> explained;
  if (!before || !after)
    return;
  std::lock_guard guard{mutex};
  auto& known = explained[source];
  before = std::min(std::max(*before, known), *after);
  if (killed && *after > *before)
    known = *before + 1;
}

bool exists(const std::string& file) {
  return ::access(file.c_str(), R_OK) == 0;
}

/// In a container the path may be one of the machine's, which is not mounted here.
std::string first_there(const std::string& folder, const std::string& path,
                        const std::string& name) {
  for (auto& file : {folder + path + name, folder + name})
    if (exists(file))
      return file;
  return {};
}

} // namespace

std::string oom_file_of(std::string_view cgroups, const std::string& root) {
  while (!cgroups.empty()) {
    auto end = cgroups.find('\n');
    auto line = cgroups.substr(0, end);
    cgroups.remove_prefix(end == std::string_view::npos ? cgroups.size() : end + 1);
    auto first = line.find(':');
    auto second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
      continue;
    auto controllers = "," + std::string{line.substr(first + 1, second - first - 1)} + ",";
    auto path = std::string{line.substr(second + 1)};
    if (path == "/")
      path.clear();
    auto found = std::string{};
    if (controllers.find(",memory,") != std::string::npos)
      found = first_there(root + "/memory", path, "/memory.oom_control");
    else if (line.starts_with("0::"))
      found = first_there(root, path, "/memory.events");
    if (!found.empty())
      return found;
  }
  return {};
}

oom_counters::oom_counters(int64_t pid) {
  begin_.source =
    oom_file_of(read_small_file("/proc/" + std::to_string(pid) + "/cgroup").value_or(""));
  if (!begin_.source.empty()) {
    begin_.group_before = number_after(begin_.source, "oom_kill");
    begin_.limit_bytes = limit_beside(begin_.source);
  }
  begin_.machine_before = machine_kills();
}

core::memory_evidence oom_counters::read(bool killed) const {
  auto out = begin_;
  if (!out.source.empty())
    out.group_after = number_after(out.source, "oom_kill");
  out.machine_after = machine_kills();
  claim(out.source, killed, out.group_before, out.group_after);
  claim("machine", killed, out.machine_before, out.machine_after);
  return out;
}

} // namespace snakepit::io
