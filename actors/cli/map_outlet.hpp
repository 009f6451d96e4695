#pragma once

#include "actors/cli/line_writer.hpp"
#include "actors/cli/map_item.hpp"

#include <optional>
#include <vector>

namespace snakepit::cli {

/// What becomes of a failed item.
enum class on_error {
  emit, ///< its error record stands in place of the result
  skip, ///< nothing is written
  stop, ///< the run ends before it
};

/// Puts results into their order and writes them as lines; decides when errors end the run. One
/// thread.
class map_outlet {
public:
  struct policy {
    bool ordered = true;
    on_error errors = on_error::emit;
    uint64_t max_errors = 0; ///< the run ends with this many; 0: never
    size_t window = 4096;    ///< results held at most
  };

  map_outlet(line_writer& out, policy x);

  /// Takes a final result; writes it and those that waited for it. Nothing is written once
  /// `stopped`.
  void accept(map_result x);

  /// Items written or skipped, in all.
  uint64_t items() const noexcept {
    return items_;
  }
  uint64_t errors() const noexcept {
    return errors_;
  }
  /// Bytes of results written or skipped, in all.
  uint64_t bytes() const noexcept {
    return bytes_;
  }
  /// How far in the input the last of them ended.
  uint64_t end() const noexcept {
    return end_;
  }

  /// Whether an error has ended the run.
  bool stopped() const noexcept {
    return stopped_;
  }
  /// The error that ended the run, or else the first one, with its line in the details.
  const std::optional<error>& failure() const noexcept {
    return failure_;
  }

private:
  void settle(map_result& x);
  void fail(map_result& x);

  line_writer& out_;
  policy policy_;
  std::vector<std::optional<map_result>> waiting_; ///< by index modulo window
  uint64_t next_ = 0;
  uint64_t items_ = 0;
  uint64_t errors_ = 0;
  uint64_t bytes_ = 0;
  uint64_t end_ = 0;
  bool stopped_ = false;
  std::optional<error> failure_;
};

/// The line that stands for a failed item: {"error": {...}, "line": 7}.
std::string error_record(const error& why, uint64_t line);

} // namespace snakepit::cli
