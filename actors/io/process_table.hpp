#pragma once

#include "actors/io/event_loop.hpp"
#include "actors/io/exec_process.hpp"

#include <future>
#include <mutex>
#include <set>

namespace snakepit::io {

/// What a launcher makes before it starts a process, the same however it starts it.
struct prepared_launch {
  launch_descriptors fds;
  lane_memory memory;
  stack_file stacks;

  /// Errors are `worker_start_failed`. `null` is /dev/null and must live longer.
  static result<prepared_launch> make(const launch_spec& spec, int null);
};

/// A process that has been started.
struct started_process {
  pid_t pid = 0;
  descriptor pidfd;
  bool forked = false; ///< by a template, which then is its parent
};

/// The processes of one launcher that have not been reaped. On the loop's thread, but where it says
/// otherwise.
class process_table {
public:
  /// `loop` lives as long as the table's members are called on it.
  explicit process_table(event_loop& loop);

  struct added {
    std::unique_ptr<process> owner;
    std::shared_ptr<watched_process> watched;
  };

  /// Begins to watch a process. If that fails, or all are being ended, the process is ended.
  result<added> add(started_process started, const launch_spec& spec, prepared_launch prepared,
                    process_events events);

  /// Ends all.
  void end_all();

  /// Waits for the last one to have been reaped after `end_all`; the pids of those that were not.
  /// Any thread, once.
  std::vector<int64_t> await_end(std::chrono::seconds limit);

  /// SIGKILL to every group that is left. Any thread.
  void kill_all() noexcept;

private:
  void remove(watched_process& x);

  event_loop& loop_;
  const std::string boot_id_;
  std::vector<char> scratch_;
  std::mutex mutex_; // guards changes of the next, and looks from other threads
  std::set<std::shared_ptr<watched_process>> processes_;
  bool ends_ = false;
  std::promise<void> all_gone_;
};

/// The kernel would take the part before a null byte, silently.
result<void> check_texts(const launch_spec& spec);

} // namespace snakepit::io
