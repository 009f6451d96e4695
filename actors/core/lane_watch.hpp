#pragma once

#include "actors/core/call.hpp"

namespace snakepit::core {

/// Decides from what a lane page says, looked at every now and then while the lane holds more than
/// one call, whether its worker is to be bothered: a call that runs long keeps those behind it and
/// the results before it.
///
/// One thread at a time; the caller passes the time in.
class lane_watch {
public:
  /// `patience`: how long a call may run before those behind it are taken back.
  explicit lane_watch(std::chrono::nanoseconds patience) : patience_{patience} {}

  struct advice {
    /// Finals were made that the stream has not brought since the last look.
    bool read_journal = false;
    /// A call runs, and others are idle or it already ran at a look that is `patience` ago.
    bool revoke = false;

    explicit operator bool() const noexcept {
      return read_journal || revoke;
    }
  };

  /// `others_idle`: another lane would run at once what stands behind.
  advice look(time_point now, uint64_t claimed, uint64_t done, uint64_t acked, bool others_idle) {
    auto result = advice{};
    auto runs = claimed > done;
    if (!runs || claimed != claimed_) {
      claimed_ = runs ? claimed : 0;
      since_ = now;
    }
    result.revoke = runs && (others_idle || now - since_ >= patience_);
    result.read_journal = done > acked && done == done_ && acked == acked_;
    done_ = done;
    acked_ = acked;
    return result;
  }

private:
  std::chrono::nanoseconds patience_;
  uint64_t claimed_ = 0; // what ran at the last look, 0: nothing
  time_point since_{};   // since which look
  uint64_t done_ = 0;
  uint64_t acked_ = 0;
};

} // namespace snakepit::core
