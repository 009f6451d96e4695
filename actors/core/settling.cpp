#include "actors/core/settling.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace snakepit::core {

namespace {

/// One look, with what has to be found fast.
class look {
public:
  look(const settler& self, const std::vector<process_sight>& seen) : self_{self} {
    for (auto& x : seen)
      by_pid_.emplace(x.pid, &x);
    spare_line();
  }

  const process_sight* find(int64_t pid, uint64_t start_time) const {
    auto i = by_pid_.find(pid);
    if (i == by_pid_.end() || i->second->start_time != start_time || i->second->zombie)
      return nullptr;
    return i->second;
  }

  bool lives(const host_identity& x) const {
    return x.place != self_.place || find(x.pid, x.start_time) != nullptr;
  }

  /// The settler and those that it descends from.
  bool is_spared(int64_t pid) const {
    return pid <= 1 || spared_.contains(pid);
  }

private:
  void spare_line() {
    for (auto pid = self_.pid; pid > 0 && spared_.insert(pid).second;) {
      auto i = by_pid_.find(pid);
      pid = i == by_pid_.end() ? 0 : i->second->parent;
    }
  }

  const settler& self_;
  std::unordered_map<int64_t, const process_sight*> by_pid_;
  std::set<int64_t> spared_;
};

class search {
public:
  search(const settler& self, const std::vector<process_sight>& seen)
    : self_{self}, seen_{seen}, look_{self, seen} {}

  std::vector<debt> run(const std::vector<open_ledger>& ledgers) {
    for (auto& x : ledgers)
      if (x.boot_id == self_.boot_id)
        (look_.lives(x.host) ? living_ : over_).insert(x.run);
    for (auto& x : ledgers)
      if (over_.contains(x.run) && !living_.contains(x.run))
        read(x);
    for (auto& x : seen_)
      if (has_mark_of_the_dead(x))
        add(x, x.marks->run, debt::marker);
    for (auto& [leader, run] : leaders_)
      add_members(leader, run);
    return std::move(found_);
  }

private:
  void read(const open_ledger& x) {
    for (auto& row : x.rows) {
      if (row.state != ledger_row::active || row.process.boot_id != self_.boot_id)
        continue;
      auto* process = look_.find(row.process.pid, row.process.start_time);
      if (!process || look_.is_spared(process->pid))
        continue;
      add(*process, x.run, debt::ledger);
      leaders_.emplace(process->pid, x.run);
    }
  }

  bool has_mark_of_the_dead(const process_sight& x) const {
    if (!x.marks || living_.contains(x.marks->run) || look_.lives(x.marks->host))
      return false;
    // Of a run that a ledger of ours tells of it may have become another user.
    return over_.contains(x.marks->run) || (x.ours && x.marks->instance == self_.instance);
  }

  void add_members(int64_t leader, const std::string& run) {
    for (auto& x : seen_)
      if (x.pid != leader && (x.group == leader || x.session == leader))
        add(x, run, debt::ledger, leader);
  }

  void add(const process_sight& x, const std::string& run, debt::reason by, int64_t leader = 0) {
    if (!x.zombie && !look_.is_spared(x.pid) && known_.insert(x.pid).second)
      found_.push_back({x.pid, x.start_time, run, by, leader});
  }

  const settler& self_;
  const std::vector<process_sight>& seen_;
  look look_;
  std::set<std::string> over_;
  std::set<std::string> living_;
  std::map<int64_t, std::string> leaders_;
  std::set<int64_t> known_;
  std::vector<debt> found_;
};

} // namespace

std::vector<debt> find_debts(const settler& self, const std::vector<open_ledger>& ledgers,
                             const std::vector<process_sight>& seen) {
  return search{self, seen}.run(ledgers);
}

bool is_over(const open_ledger& x, const settler& self, const std::vector<process_sight>& seen) {
  return x.boot_id != self.boot_id || x.host.place != self.place || !look{self, seen}.lives(x.host);
}

} // namespace snakepit::core
