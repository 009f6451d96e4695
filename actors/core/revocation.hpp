#pragma once

#include "actors/core/call.hpp"

#include <algorithm>

namespace snakepit::core {

/// Taking back what a lane has been sent and has not begun.
///
/// The worker, before each call n: writes `claimed = n`, then reads `limit`; if n is above it, it
/// puts `claimed` back, leaves the rest of that batch and reports n. The host lowers `limit` and
/// then reads `claimed` as c: whatever is above both can never be begun. Between the two stands a
/// barrier that makes the worker's write visible; where the kernel has none, `claimed` is looked at
/// again after a while instead and must be unchanged.
///
///            begin              decide                       on_report, on_final
///   idle ----------> looking ----------> taken: floor is known ------------> idle
///                       |  on_report                                ^
///                       +-------------------------------------------+
///
/// Until it is idle again nothing may be sent on the lane and the limit stays low: each batch that
/// is on the way ends in a report of its own.
///
/// One thread at a time.
class revocation {
public:
  bool active() const noexcept {
    return state_ != state::idle;
  }
  bool looking() const noexcept {
    return state_ == state::looking;
  }

  /// The limit was lowered to `claimed`. `last_batch`: first number of the batch sent last; `last`:
  /// its last number.
  void begin(uint64_t claimed, uint64_t last_batch, uint64_t last) {
    state_ = state::looking;
    floor_ = began_ = claimed;
    last_batch_ = last_batch;
    last_ = last;
  }

  /// Without a barrier: whether `claimed` stands where it was.
  bool is_steady(uint64_t claimed) {
    auto same = claimed <= floor_;
    floor_ = std::max(floor_, claimed);
    return same;
  }

  /// `claimed` was read after the limit was sure to be seen: calls above the result are the host's.
  uint64_t decide(uint64_t claimed) {
    state_ = state::taken;
    floor_ = std::max(floor_, claimed);
    return floor_;
  }

  /// The worker met the limit at number n: it and all above it are the host's, the result is
  /// their floor.
  uint64_t on_report(uint64_t n) {
    n = std::max(n, began_ + 1); // what had begun before is not given back
    floor_ = std::min(state_ == state::taken ? floor_ : n - 1, n - 1);
    state_ = n >= last_batch_ ? state::idle : state::taken;
    return floor_;
  }

  /// The final of number n is in. The last number of all can only be followed by new ones.
  void on_final(uint64_t n) {
    if (n >= last_)
      state_ = state::idle;
  }

private:
  enum class state : uint8_t { idle, looking, taken };

  state state_ = state::idle;
  uint64_t floor_ = 0;
  uint64_t began_ = 0;
  uint64_t last_batch_ = 0;
  uint64_t last_ = 0;
};

} // namespace snakepit::core
