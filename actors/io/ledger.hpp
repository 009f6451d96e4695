#pragma once

#include "actors/core/ledger_entry.hpp"
#include "actors/core/settling.hpp"
#include "actors/io/state_directory.hpp"

#include <snakepit/cleanup.hpp>
#include <snakepit/error.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace snakepit::io {

/// The durable record of the processes that a run owns. Once an entry is written it outlives the
/// host, however that ends.
class ledger {
public:
  using callback = std::function<void(result<void>)>;

  virtual ~ledger() = default;

  /// Writes all rows, or none. `done` is called once, from the ledger's thread, in the order of the
  /// writes, unless the ledger goes before; it must neither block nor write. After a failure all
  /// rows that count have to be written again: the file may be a new one.
  virtual void write(std::vector<core::ledger_row> rows, callback done) = 0;
};

/// The real one: a file of SQLite with a lock beside it, and a thread that waits for the disk so
/// that nobody else has to. Whatever the disk does, no member takes longer than its patience.
class sqlite_ledger : public ledger {
public:
  /// Whose it is.
  struct owner {
    std::string run;
    core::host_identity host;
    std::string boot_id;
  };

  /// Fails with `unavailable` if there can be no thread for it.
  static result<std::shared_ptr<sqlite_ledger>> make(ledger_place place, owner who);

  /// Waits a second for what was given to be written. Leaves the file to the next start, unless
  /// `remove` was called.
  ~sqlite_ledger() override;

  /// Makes the folder and takes the lock; false if that takes longer. Fails with `unavailable` if
  /// the instance has an id and somebody holds it, naming who; with `invalid_config` if the folder
  /// is not ours. All other trouble is left to `write`, which tries again.
  virtual result<bool> open(std::chrono::milliseconds patience) = 0;

  /// Settles what dead runs have left, before this one starts anything. Nothing if it takes longer.
  virtual std::optional<cleanup_report> settle(std::chrono::milliseconds patience) = 0;

  /// The run is over and nothing of it is left.
  virtual void remove() = 0;
};

} // namespace snakepit::io
