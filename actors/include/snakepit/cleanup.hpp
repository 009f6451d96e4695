#pragma once

#include <snakepit/config.hpp>
#include <snakepit/error.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace snakepit {

/// A process that a run has left behind.
struct orphan {
  enum class end {
    none,       ///< nothing was done (a dry run), or it had ended by itself
    terminated, ///< by SIGTERM
    killed,     ///< by SIGKILL
    survived    ///< neither has ended it in time
  };

  int64_t pid = 0;
  std::string run;     ///< id of the run that it belongs to
  std::string by;      ///< `ledger`, if that names it; `marker`, if its environment does
  std::string command; ///< its command line, cut
  end how = end::none;
  std::chrono::microseconds took{0}; ///< from the first signal to its end
};

/// What was found of runs that are over.
struct cleanup_report {
  size_t ledgers = 0; ///< that were there and that nobody held
  std::vector<orphan> orphans;
  std::vector<std::string> troubles; ///< what went wrong with files, for people
  std::chrono::microseconds took{0};

  size_t count(orphan::end x) const {
    size_t n = 0;
    for (auto& o : orphans)
      n += o.how == x;
    return n;
  }
};

/// Finds and ends the processes that dead runs of the configuration's instance have left, as each
/// start does; see docs/ledger.md for what counts. With `dry_run` nothing is ended nor removed.
/// Never touches what a run that lives has started, nor the caller and what that descends from.
/// Blocks, some seconds at most. `invalid_config` if the state directory is somebody else's.
result<cleanup_report> cleanup(const config& cfg, bool dry_run = false);

} // namespace snakepit
