#pragma once

#include "actors/core/ledger_entry.hpp"
#include "actors/core/settling.hpp"

#include <snakepit/error.hpp>

#include <memory>
#include <string>
#include <vector>

struct sqlite3;

namespace snakepit::io {

/// The database of one run's processes. Nothing in it means anything after a boot, so it is made to
/// outlive its process and not the machine. Whoever uses it holds the ledger's lock.
class ledger_file {
public:
  /// Makes a new one, in place of what is there.
  static result<ledger_file> make(const std::string& stem, const core::open_ledger& owner,
                                  const std::string& instance);

  /// Writes all rows, or none; `invalid_argument` if the file is broken.
  result<void> write(const std::vector<core::ledger_row>& rows);

  /// What a run that is over has left. An empty one, which was never written to, has no run.
  /// `invalid_argument` if it is not a ledger, or broken.
  static result<core::open_ledger> read(const std::string& stem);

  /// Whether the file that is open is still the one in the folder.
  bool is_there() const;

private:
  struct closer {
    void operator()(sqlite3* x) const noexcept;
  };
  using handle = std::unique_ptr<sqlite3, closer>;

  ledger_file(std::string path, handle x) : path_{std::move(path)}, db_{std::move(x)} {}

  static result<handle> open(const std::string& path, bool create);

  std::string path_;
  handle db_;
  uint64_t inode_ = 0;
};

/// Renames the files of a broken ledger to STEM.corrupt-N.db...; the new name, or nothing if that
/// fails.
std::string set_aside(const std::string& stem);

} // namespace snakepit::io
