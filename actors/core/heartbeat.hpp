#pragma once

#include "actors/core/call.hpp"

#include <snakepit/config.hpp>

#include <algorithm>
#include <cstdint>

namespace snakepit::core {

/// Decides whether a worker is there: when to ask it, what counts as a sign of life, and what to
/// think of silence. Busy is not dead: without a sign for `timeout` a heartbeat is missed, but only
/// misses while no call is claimed, or while the process is stopped, count towards its end; while a
/// call is claimed they mean that the call holds Python's lock.
///
/// Signs of life are the answer to the heartbeat and every movement in the lane pages. One
/// heartbeat is out at a time: its stream loses nothing, so a second one would tell nothing more.
///
/// A worker that has moved nothing since the heartbeat before is asked half as often, and then a
/// quarter, but at least every `timeout`: it is what makes an idle pool cost next to nothing.
///
/// A host that was suspended, or starved of its processor, looks late, and who looks late must not
/// judge: the `timeout` begins anew.
///
/// One thread at a time; the caller passes the time in.
class heartbeat {
public:
  /// Never asks and never judges.
  heartbeat() = default;
  /// `seed`: any number, so that not all workers have the same jitter.
  heartbeat(const heartbeat_config& terms, uint64_t seed, time_point now);

  /// What can be seen of a worker from outside.
  struct sight {
    uint64_t movement = 0; ///< any number that changes when a lane claims or ends a call
    bool busy = false;     ///< a call is claimed and not done
  };

  enum class verdict {
    nothing,
    missed,   ///< silent, for one more `timeout`; it should get no calls for now
    gil_held, ///< the same, while a call runs; told once
    hung,     ///< there is nothing to wait for any more; told once
  };

  /// Whether `look` will judge, so that the caller should find out whether the process is stopped.
  bool judges(time_point now) const {
    return outstanding_ != 0 && now >= judge_at_;
  }

  struct advice {
    uint64_t send = 0; ///< not 0: send a heartbeat with this number
    verdict what = verdict::nothing;
    bool recovered = false; ///< it moves again after it had been silent
  };
  advice look(time_point now, const sight& seen, bool stopped);

  struct answer {
    bool known = false; ///< it was the one that is out
    bool recovered = false;
  };
  answer on_answer(time_point now, uint64_t nonce);

  /// Whether nothing has been heard for too long, whatever the reason.
  bool silent() const noexcept {
    return standing_ != standing::well;
  }
  /// Silent, and not because a call holds Python's lock.
  bool lost() const noexcept {
    return standing_ == standing::missing || standing_ == standing::hung;
  }
  /// How many misses there were in a row.
  size_t misses() const noexcept {
    return misses_;
  }
  /// Since when a sign of life has been waited for.
  time_point silent_since() const noexcept {
    return std::max(sign_at_, sent_at_);
  }
  /// When the last heartbeat that was answered had been sent.
  time_point proved_at() const noexcept {
    return proved_at_;
  }
  bool on() const noexcept {
    return terms_.interval != infinite;
  }

  /// When `look` has something to do next.
  time_point next_due() const noexcept {
    return due_;
  }

private:
  enum class standing : uint8_t { well, missing, held, hung };

  bool sign_of_life(time_point now);
  verdict judge(time_point now, bool busy, bool stopped);
  /// The next judgement: after another `timeout`, or when a call has held the lock long enough.
  void judge_after(time_point from);
  /// Until the next heartbeat.
  duration pause(bool busy);
  duration jittered();
  void note_due(time_point now);

  heartbeat_config terms_{.interval = infinite};
  uint64_t random_ = 0;
  standing standing_ = standing::well;
  uint64_t nonce_ = 0;
  uint64_t outstanding_ = 0; // the one that is out, 0: none
  uint64_t movement_ = 0;
  size_t misses_ = 0;
  size_t calm_ = 0;
  time_point sent_at_{};
  time_point proved_at_{};
  time_point sign_at_{};
  time_point send_at_ = never;
  time_point judge_at_ = never;
  time_point due_ = never;
};

} // namespace snakepit::core
