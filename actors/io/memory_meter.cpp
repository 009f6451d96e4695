#include "actors/io/memory_meter.hpp"

#include "actors/io/proc_files.hpp"
#include "actors/io/task_thread.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include <unistd.h>

namespace snakepit::io {

namespace {

/// Measurements that may wait: one for each pool that has a limit, and there is no hurry.
constexpr size_t most_waiting = 1000;
/// How often a process is measured exactly though it is known to share what takes it above.
constexpr unsigned exact_every = 20;

uint64_t page_size() {
  static const auto size = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

std::string proc(int64_t pid, const char* file) {
  return "/proc/" + std::to_string(pid) + '/' + file;
}

/// Resident, without what files back and without shared memory.
uint64_t own_bytes(int64_t pid) {
  auto in = std::istringstream{read_small_file(proc(pid, "statm")).value_or("")};
  uint64_t size = 0, resident = 0, shared = 0;
  if (!(in >> size >> resident >> shared))
    return 0;
  return (resident - std::min(resident, shared)) * page_size();
}

/// Its share of all its pages.
std::optional<uint64_t> share_bytes(int64_t pid) {
  auto text = read_small_file(proc(pid, "smaps_rollup"));
  auto at = text ? text->find("\nPss:") : std::string::npos;
  if (at == std::string::npos)
    return std::nullopt;
  auto begin = text->find_first_not_of(" \t", at + 5);
  uint64_t kilobytes = 0;
  if (begin == std::string::npos
      || std::from_chars(text->data() + begin, text->data() + text->size(), kilobytes).ec
           != std::errc{})
    return std::nullopt;
  return kilobytes * 1024;
}

/// All processes at one moment.
class process_tree {
public:
  process_tree() {
    for (auto pid : list_processes()) {
      auto stat = read_proc_stat(pid);
      if (!stat || stat->state == 'Z' || stat->state == 'X')
        continue;
      children_.emplace(stat->parent, pid);
      sessions_.emplace(stat->session, pid);
      starts_.emplace(pid, stat->start_time);
    }
  }

  /// 0 if it is gone.
  uint64_t start_of(int64_t pid) const {
    auto i = starts_.find(pid);
    return i == starts_.end() ? 0 : i->second;
  }

  /// The process, its descendants, and those of its session.
  std::set<int64_t> family_of(int64_t pid) const {
    auto out = std::set<int64_t>{};
    auto open = std::vector<int64_t>{pid};
    auto add = [&](auto& from, int64_t key) {
      auto [begin, end] = from.equal_range(key);
      for (auto i = begin; i != end; ++i)
        open.push_back(i->second);
    };
    add(sessions_, pid);
    while (!open.empty()) {
      auto next = open.back();
      open.pop_back();
      if (out.insert(next).second)
        add(children_, next);
    }
    return out;
  }

private:
  std::multimap<int64_t, int64_t> children_; // by parent
  std::multimap<int64_t, int64_t> sessions_; // by session
  std::map<int64_t, uint64_t> starts_;
};

class proc_memory_meter : public memory_meter {
public:
  bool measure(std::vector<memory_target> targets, callback done) override {
    return thread_.post([this, targets = std::move(targets), done = std::move(done)] {
      auto tree = process_tree{};
      std::erase_if(seen_, [&](auto& x) { return tree.start_of(x.first) != x.second.start; });
      auto out = std::vector<uint64_t>{};
      for (auto& x : targets)
        out.push_back(tree.start_of(x.pid) == 0 ? 0 : bytes_of(x, tree));
      done(std::move(out));
    });
  }

private:
  /// What is known of a process from when it was last measured exactly.
  struct seen {
    uint64_t start = 0;
    uint64_t in_common = 0; ///< bytes that others have, too
    unsigned since = 0;     ///< measurements
  };

  uint64_t bytes_of(const memory_target& x, const process_tree& tree) {
    auto family = tree.family_of(x.pid);
    auto own = uint64_t{0};
    for (auto pid : family)
      own += own_bytes(pid);
    if (own <= x.exact_above)
      return own;
    auto& before = seen_[x.pid];
    before.start = tree.start_of(x.pid);
    auto foreseen = own - std::min(own, before.in_common);
    if (foreseen <= x.exact_above && ++before.since < exact_every)
      return foreseen;
    auto exact = uint64_t{0};
    for (auto pid : family)
      exact += share_bytes(pid).value_or(own_bytes(pid));
    exact = std::min(own, exact);
    before.in_common = own - exact;
    before.since = 0;
    return exact;
  }

  std::map<int64_t, seen> seen_; // the thread's
  task_thread thread_{most_waiting};
};

} // namespace

std::shared_ptr<memory_meter> make_memory_meter() {
  return std::make_shared<proc_memory_meter>();
}

} // namespace snakepit::io
