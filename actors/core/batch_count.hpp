#pragma once

#include <snakepit/batch.hpp>

#include <chrono>
#include <cstdint>

namespace snakepit::core {

/// Counts how the items of a batch end, and decides when that is to stop it and which are tried
/// again.
///
/// One thread.
class batch_count {
public:
  /// max_errors: the batch stops with so many; 0: never. retries: of one item.
  batch_count(uint64_t max_errors, unsigned retries) : max_errors_{max_errors}, retries_{retries} {}

  /// How long to wait before an item that ended so is tried again; negative: it is not. `attempt`
  /// counts from 0. A pause is counted as a retry.
  std::chrono::nanoseconds pause(const error* why, unsigned attempt);

  /// An item has ended for good, which the sink is told next. Null: it has succeeded.
  void ended(uint64_t index, const error* why);

  /// Whether nothing more should be begun.
  bool must_stop() const noexcept {
    return hopeless_ || (max_errors_ > 0 && report_.failed >= max_errors_);
  }

  /// Items that have ended.
  uint64_t items() const noexcept {
    return report_.succeeded + report_.failed;
  }
  /// The counts and first errors.
  const batch_report& report() const noexcept {
    return report_;
  }

private:
  uint64_t max_errors_;
  unsigned retries_;
  bool hopeless_ = false;
  batch_report report_;
};

/// What arguments and results count, about.
uint64_t bytes_of(const arguments& x);
uint64_t bytes_of(const payload& x);

} // namespace snakepit::core
