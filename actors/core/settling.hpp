#pragma once

#include "actors/core/ledger_entry.hpp"
#include "actors/core/process_marks.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace snakepit::core {

/// A process as it was seen.
struct process_sight {
  int64_t pid = 0;
  uint64_t start_time = 0;
  int64_t parent = 0;
  int64_t group = 0;
  int64_t session = 0;
  bool zombie = false;
  bool ours = false; ///< of our user
  /// What its environment says; nothing if that says nothing, or must not be read.
  std::optional<process_marks> marks{};
};

/// The ledger of a run whose lock could be had.
struct open_ledger {
  std::string run{};
  host_identity host{};
  std::string boot_id{};
  std::vector<ledger_row> rows{};
};

/// Who settles.
struct settler {
  int64_t pid = 0;
  std::string place{};
  std::string boot_id{};
  std::string instance{}; ///< as `instance_label` says
};

/// A process that is to be ended, and why.
struct debt {
  enum reason { ledger, marker };

  int64_t pid = 0;
  uint64_t start_time = 0;
  std::string run{};
  reason by = ledger;
  /// Not 0: it is owed only as a member of the group or session of this leader, and only as long as
  /// the leader is there, whose number may be another's afterwards.
  int64_t leader = 0;
};

/// What is left of runs that are over, found in one look at all processes:
///
///  * what a ledger names, by pid, start time and boot; and who is in that process's group or
///    session while it lives;
///  * what has the mark of such a run;
///  * what has the mark of a run of the same instance, is of our user, and whose host has ended.
///
/// Never the settler nor what it descends from, nobody whose host lives, and nobody of a run in
/// another place or boot, whose numbers mean somebody else here.
std::vector<debt> find_debts(const settler& self, const std::vector<open_ledger>& ledgers,
                             const std::vector<process_sight>& seen);

/// Whether a ledger whose lock could be had can be forgotten once its debts are settled. Not if its
/// host is there all the same: then locks do not work where it is kept.
bool is_over(const open_ledger& x, const settler& self, const std::vector<process_sight>& seen);

} // namespace snakepit::core
