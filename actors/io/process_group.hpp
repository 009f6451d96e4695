#pragma once

#include "actors/io/descriptor.hpp"
#include "actors/io/launch_descriptors.hpp"
#include "actors/io/process.hpp"

#include <mutex>
#include <optional>

#include <sys/types.h>

namespace snakepit::io {

/// The end of a process group, by two ways that do not depend on each other:
///
///  * `killpg`, while the leader has not been reaped: until then its number, and so the group's,
///  cannot
///    be anybody else's;
///  * closing the lifetime pipe: the kernel signals the group that it was armed for, not a number.
///  This one
///    works also after somebody else in this program has reaped the leader (a handler that waits
///    for any child, SIGCHLD ignored), and a worker can only fail to be ended by it if it has
///    disarmed the pipe.
///
/// Any thread.
class process_group {
public:
  process_group(pid_t leader, descriptor pidfd, lifetime_ends lifetime);

  int pidfd() const noexcept {
    return pidfd_.get();
  }

  /// Signals the leader; false if it has ended. 0: asks only.
  bool signal(int number) noexcept;

  /// Signals one of the leader's threads; false if it cannot be told to be still the leader's.
  bool signal_thread(int64_t thread, int number) noexcept;

  /// SIGKILL to all of it. Again and again is harmless. Returns whether the leader had not ended.
  bool kill() noexcept;

  /// If the leader has ended: ends what is left of its group, *then* reaps it (the order is what
  /// makes `killpg` safe), and says how it ended. Nothing if it has not ended.
  std::optional<exit_status> reap() noexcept;

  /// The same for a leader that is not our child and has ended: its parent may reap it once this
  /// has returned.
  void give_up() noexcept;

  /// Its parent has died, so anybody may reap it as soon as it ends: `killpg` is never used again.
  void orphan() noexcept;

  /// Closes the pidfd. After `reap` or `give_up` only.
  void release() noexcept;

private:
  bool leader_unreaped() const noexcept;
  void kill_locked() noexcept;

  const pid_t leader_;
  std::mutex mutex_;
  descriptor pidfd_;
  lifetime_ends lifetime_;
  bool reaped_ = false;
  bool orphaned_ = false;
};

} // namespace snakepit::io
