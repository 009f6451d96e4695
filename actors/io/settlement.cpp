#include "actors/io/settlement.hpp"

#include "actors/io/control_socket.hpp"
#include "actors/io/killer.hpp"
#include "actors/io/ledger_file.hpp"
#include "actors/io/process_scan.hpp"
#include "actors/io/random_bytes.hpp"
#include "actors/io/run_directory.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

namespace snakepit::io {

namespace {

/// What is being ended may start others meanwhile.
constexpr int most_rounds = 3;

class settlement {
public:
  settlement(const ledger_place& place, const core::settler& self, bool dry_run)
    : place_{place}, self_{self}, dry_run_{dry_run} {}

  cleanup_report run(const ledger_lock* own) {
    auto begun = std::chrono::steady_clock::now();
    gather(own);
    auto seen = scan_processes();
    for (int i = 0; i < most_rounds; ++i) {
      auto debts = core::find_debts(self_, ledgers_, seen);
      std::erase_if(debts, [&](auto& x) { return !is_new(x); });
      if (debts.empty())
        break;
      end(debts);
      if (dry_run_)
        break;
      seen = scan_processes();
    }
    forget(seen);
    report_.took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - begun);
    return std::move(report_);
  }

private:
  void gather(const ledger_lock* own) {
    for (auto& stem : place_.find()) {
      if (own && own->stem() == stem) {
        read(stem, std::nullopt);
        continue;
      }
      auto lock = ledger_lock::take(stem);
      if (lock)
        read(stem, std::move(*lock));
      else if (lock.error().what == ledger_lock::trouble::disk)
        report_.troubles.push_back(lock.error().why);
    }
  }

  /// What cannot be read is left alone.
  void read(const std::string& stem, std::optional<ledger_lock> lock) {
    auto ledger = ledger_file::read(stem);
    if (!ledger) {
      auto& why = ledger.error();
      auto broken = why.reason == reason::invalid_argument && !dry_run_;
      auto to = broken ? set_aside(stem) : std::string{};
      report_.troubles.push_back(why.message + (to.empty() ? "" : "; set aside as " + to));
      if (to.empty())
        return;
      ledger = core::open_ledger{}; // of which only the lock's file is left
    }
    report_.ledgers += !ledger->run.empty();
    ledgers_.push_back(std::move(*ledger));
    locks_.push_back(std::move(lock));
  }

  /// One that survived is not tried again.
  bool is_new(const core::debt& x) {
    auto [i, is_first] = tried_.emplace(x.pid, x.start_time);
    return is_first || std::exchange(i->second, x.start_time) != x.start_time;
  }

  void end(const std::vector<core::debt>& debts) {
    auto first = report_.orphans.size();
    for (auto& x : debts)
      report_.orphans.push_back(
        {x.pid, x.run, x.by == core::debt::ledger ? "ledger" : "marker", command_line_of(x.pid)});
    if (dry_run_)
      return;
    auto ends = end_processes(debts);
    for (size_t i = 0; i < ends.size(); ++i) {
      auto& x = report_.orphans[first + i];
      x.took = ends[i].took;
      x.how = ends[i].how == kill_end::terminated ? orphan::end::terminated
              : ends[i].how == kill_end::killed   ? orphan::end::killed
              : ends[i].how == kill_end::survived ? orphan::end::survived
                                                  : orphan::end::none;
    }
  }

  /// Ledgers whose debts are settled are removed; that of a run with a survivor stays.
  void forget(const std::vector<core::process_sight>& seen) {
    if (dry_run_)
      return;
    auto survives = [&](const core::open_ledger& x) {
      return std::any_of(report_.orphans.begin(), report_.orphans.end(),
                         [&](auto& o) { return o.how == orphan::end::survived && o.run == x.run; });
    };
    for (size_t i = 0; i < ledgers_.size(); ++i)
      if (locks_[i] && core::is_over(ledgers_[i], self_, seen) && !survives(ledgers_[i]))
        locks_[i]->remove_ledger();
  }

  const ledger_place& place_;
  const core::settler& self_;
  bool dry_run_;
  std::vector<core::open_ledger> ledgers_;
  std::vector<std::optional<ledger_lock>> locks_; // of these; not of the caller's own
  std::map<int64_t, uint64_t> tried_;
  cleanup_report report_;
};

} // namespace

cleanup_report settle(const ledger_place& place, const core::settler& self, const ledger_lock* own,
                      bool dry_run) {
  return settlement{place, self, dry_run}.run(own);
}

} // namespace snakepit::io

namespace snakepit {

result<cleanup_report> cleanup(const config& cfg, bool dry_run) {
  if (auto ok = validate(cfg); !ok)
    return tl::unexpected{std::move(ok.error())};
  auto place = io::ledger_place_of(cfg.instance);
  auto troubles = std::vector<std::string>{};
  // A dry run makes nothing; a folder that is not there has no ledgers.
  if (!dry_run)
    if (auto ok = io::make_state_directory(place.folder); !ok) {
      if (ok.error().reason == reason::invalid_config)
        return tl::unexpected{std::move(ok.error())};
      troubles.push_back(ok.error().message);
    }
  auto self = io::own_settler(core::instance_label(place.name, place.id));
  auto out = io::settle(place, self, nullptr, dry_run);
  if (!dry_run) { // which removes the sockets that dead runs have left
    auto sockets = io::run_directory::base(cfg.instance.run_dir);
    if (auto made = io::run_directory::make(cfg.instance.run_dir, io::make_run_id()); !made)
      troubles.push_back(made.error().message);
    else
      io::control_socket::clear(io::control_socket::path_of(sockets, cfg.instance));
  }
  out.troubles.insert(out.troubles.begin(), troubles.begin(), troubles.end());
  return out;
}

} // namespace snakepit
