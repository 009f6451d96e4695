#pragma once

#include "actors/io/host_only.hpp"

#include <snakepit/config.hpp>
#include <snakepit/error.hpp>

#include <optional>
#include <string>
#include <vector>

namespace snakepit::io {

/// Where the ledgers of an instance are.
struct ledger_place {
  std::string folder;
  std::string name;
  std::string id; ///< empty: each run has a ledger of its own

  /// The ledger of a run, without an ending: FOLDER/NAME-RUN, or FOLDER/NAME+ID.
  std::string stem(const std::string& run_id) const;

  /// All ledgers of the instance that are there, without endings.
  std::vector<std::string> find() const;
};

/// `state_dir`, made absolute, if not empty; else $XDG_STATE_HOME/snakepit; else /var/lib/snakepit
/// for root; else ~/.local/state/snakepit.
ledger_place ledger_place_of(const instance_config& x);

/// Makes the folder with mode 0700. `invalid_config` if it is somebody else's, others may write to
/// it, or it is no folder; `internal` for what a disk may do.
result<void> make_state_directory(const std::string& folder);

/// What is known of who holds a ledger.
struct ledger_holder {
  int64_t pid = 0;
  uint64_t start_time = 0;
  std::string run{};
  std::string since{}; ///< UTC, "2026-01-31T12:00:00Z"
};

/// The lock of a ledger: STEM.lock, which says who has it. Whoever gets it knows that no run
/// uses the ledger. Gone with the last descriptor, also of a host that is killed.
class ledger_lock {
public:
  enum class trouble { held, disk };
  struct failure {
    trouble what;
    std::string why;
    std::optional<ledger_holder> holder{};
  };

  /// Takes it, or fails at once. A lock that is about to be removed is not taken.
  static tl::expected<ledger_lock, failure> take(const std::string& stem);

  /// Writes who has it.
  void sign(const ledger_holder& x) const noexcept;

  /// Removes the ledger's files, the lock's last, and lets go.
  void remove_ledger() noexcept;

  explicit operator bool() const noexcept {
    return static_cast<bool>(fd_);
  }
  const std::string& stem() const noexcept {
    return stem_;
  }

private:
  ledger_lock(std::string stem, host_only fd) : stem_{std::move(stem)}, fd_{std::move(fd)} {}

  std::string stem_;
  host_only fd_;
};

/// Who holds the lock, as its file says.
std::optional<ledger_holder> read_holder(const std::string& stem);

} // namespace snakepit::io
