#pragma once

#include "actors/core/call.hpp"

#include <snakepit/config.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace snakepit::core {

/// Decides which slot of a pool starts its next worker and when, and when starting has failed for
/// good. A slot has one worker at a time; each one it starts is the next generation.
///
/// A slot that is renewed has two for a while: it stays ready with the one it has until the next
/// one is, which then takes its place. If that cannot start, all stays as it was; if the old one is
/// lost meanwhile, the new one is the slot's and is starting.
///
/// With `max_unavailable` the worker of such a slot leaves first, as long as no more slots than
/// that are without one that serves, and the next one is started when it has ended, without a
/// pause.
///
///            due()                 on_ready          leavers()
///   waiting -------->  starting  ------------> ready ---------> leaving
///      ^                  | on_start_failed      | on_exit         | on_exit, without back-off
///      +------------------+----------------------+-----------------+
///                                                     after the slot's back-off
///
/// A slot that is not wanted any more is gone, whether it waits or is ready, until it is wanted
/// again.
///
/// Failed starts count, exits in service do not: `start_failures` of them in a row over all slots
/// (or one that cannot but happen again), all while no worker is ready, make the pool failed. Then
/// one slot tries every `retry_failed`, until one is ready.
///
/// One thread at a time; the caller passes the time in.
class slot_table {
public:
  /// `last`: no worker here gets this generation or one before it.
  slot_table(size_t slots, start_config start, restart_config restart, size_t max_unavailable = 0,
             uint32_t last = 0);

  struct order {
    uint32_t slot;
    uint32_t generation;
  };

  /// The workers to start now. They count as starting.
  std::vector<order> due(time_point now);

  /// When `due` has something to give next if nothing else happens; `never` if nothing.
  time_point next_due() const;

  /// Each of these is ignored unless the slot's current generation is in the right state.
  void on_ready(uint32_t slot, uint32_t generation, time_point now);
  /// `for_good`: it cannot but happen again, such as an import error. `shortage`: the machine had
  /// no room for it; does not count while others are being started, who have found theirs.
  void on_start_failed(uint32_t slot, uint32_t generation, bool for_good, time_point now,
                       bool shortage = false);
  /// It was not even tried, since the part that starts workers is being restarted.
  void on_not_started(uint32_t slot, uint32_t generation, time_point now);
  void on_exit(uint32_t slot, uint32_t generation, time_point now);

  /// Wants a new worker for a slot that has a ready one; `due` gives it, with `max_unavailable`
  /// after `leavers` has named the old one. Whether there will be one.
  bool renew(uint32_t slot);

  /// The slot without a worker whose turn it is next is to start one now. Nothing: all that have
  /// none are starting one.
  std::optional<uint32_t> hurry(time_point now);

  /// The workers that are to leave now, so that their slots can be renewed. They do not count as
  /// ready any more. `unwell`: ready ones that cannot serve.
  std::vector<order> leavers(size_t unwell);

  /// From now on there are so many slots, more than before.
  void grow(size_t slots, time_point now);

  /// There are to be so many, fewer than before: the last ones go. Those that start a worker, or
  /// are being renewed, stay, and all before them. The workers that are to leave; they do not count
  /// any more.
  std::vector<order> shrink(size_t slots);

  /// A call succeeded on the slot: its back-off begins anew.
  void on_good_call(uint32_t slot) {
    slots_[slot].setbacks = 0;
  }

  /// Starts nothing any more, unless no worker is left but for a renewal.
  void stop() {
    stopped_ = true;
  }

  /// No worker is ready and starting has failed for good.
  bool failed() const noexcept {
    return failed_;
  }
  /// Starting goes on, but enough starts have failed in a row that nobody should wait for it.
  bool hopeless() const noexcept {
    return failed_ || failures_ >= restart_.start_failures;
  }

  size_t size() const noexcept {
    return wanted_;
  }
  size_t ready() const noexcept {
    return ready_;
  }
  /// Slots that have no ready worker.
  size_t starting() const noexcept {
    return starting_ - successors_;
  }
  size_t waiting() const noexcept {
    return wanted_ - ready_ - starting();
  }

  /// Slots that have no worker and start none. O(slots).
  size_t vacant() const noexcept;

  /// Slots whose worker has left for a renewal, and that have not started the next.
  size_t owed() const noexcept {
    return owed_;
  }

private:
  enum class state : uint8_t { waiting, starting, ready, leaving, gone };
  enum class renewal : uint8_t { none, wanted, starting };
  struct slot {
    state now = state::waiting;
    renewal next = renewal::none; // while it is ready
    bool owed = false;            // a worker, since its last one left for it
    uint32_t generation = 0;      // of the worker it has or had
    uint32_t last = 0;            // generation that was started
    size_t setbacks = 0;          // failed starts and exits since the last good call
    time_point not_before{};
  };

  slot* find(uint32_t index, uint32_t generation, state wanted);
  slot* find_successor(uint32_t index, uint32_t generation);
  void end_renewal(slot& x);
  void set_back(slot& x, time_point now);
  void start_ended(time_point now);
  bool may_start(const slot& x) const;
  void set_owed(slot& x, bool owed);

  void add_slots(size_t wanted);

  std::vector<slot> slots_;
  size_t wanted_; // of them; the others are gone
  start_config start_;
  restart_config restart_;
  size_t max_unavailable_;
  uint32_t before_first_; // a generation
  size_t owed_ = 0;
  size_t ready_ = 0;
  size_t starting_ = 0;   // workers, successors included
  size_t successors_ = 0; // that start
  size_t failures_ = 0;   // failed starts in a row
  size_t unserved_ = 0;   // of them those while no worker was ready
  bool failed_ = false;
  bool stopped_ = false;
  time_point next_batch_{};
};

} // namespace snakepit::core
