#pragma once

#include "actors/core/lane_page.hpp"
#include "actors/core/memory_evidence.hpp"
#include "actors/core/process_identity.hpp"
#include "actors/core/stack_sample.hpp"
#include "actors/io/descriptor.hpp"
#include "actors/io/worker_limits.hpp"

#include <snakepit/error.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit::io {

/// Everything that starting one worker process needs; see docs/wire.md, "Start".
struct launch_spec {
  /// Name for messages: "pool/slot.generation".
  std::string label;
  /// Absolute path, or a name that is looked up in PATH.
  std::string executable;
  /// argv[1] and on.
  std::vector<std::string> arguments;
  /// The complete environment, "NAME=value".
  std::vector<std::string> environment;
  /// Empty: the host's.
  std::string working_directory;
  /// Where the worker will bind its socket; unlinked by `~process` if it still exists.
  std::string socket_path;
  /// Written to the token pipe.
  std::string token;
  uint32_t lanes = 1;
  /// If set, the process gets this instead of the token pipe. The launch takes it.
  std::shared_ptr<descriptor> channel{};
  worker_limits limits{};
  /// Whom it becomes; none: it stays the host's user. A template's workers are whom the template
  /// is.
  std::optional<worker_user> user{};
  /// The folder in which it binds its socket, as its descriptor 8, for a user who may not enter the
  /// one above. Shared by many.
  std::shared_ptr<descriptor> socket_folder{};
  /// Of a template, for its imports. Workers that wait for it are then started by exec.
  std::chrono::milliseconds ready_timeout = std::chrono::seconds{15};
  /// What starts the template that it is to be forked from, the same object for all its workers;
  /// none: the launcher's own. Only where templates are used.
  std::shared_ptr<const launch_spec> origin{};
};

using core::process_identity;

/// How a process ended.
struct exit_status {
  int code = 0;   ///< meaningful if signal is 0
  int signal = 0; ///< not 0: killed by it
  std::chrono::microseconds user_time{0};
  std::chrono::microseconds system_time{0};
  uint64_t max_rss_bytes = 0;
  /// False if something else in this program took the status (it ignores SIGCHLD, or waits for any
  /// child): then the process has ended, and that is all that is known.
  bool known = true;
  /// Its template has died and took it along; `known` is false then.
  bool template_died = false;
  /// `kill_group`, or the end of the launcher, came while it was there.
  bool killed_by_host = false;
  core::memory_evidence memory{};
};

/// What happens to one worker process. Called from the launcher's thread, never before `launch` has
/// called back, and not after `~process` has returned. They must not block and not destroy the
/// process that calls. (`~process` waits for one that is running: hold no lock that it needs.)
struct process_events {
  /// The worker says on its side socket that its gRPC server accepts connections.
  std::function<void()> on_listening;
  /// The worker says that it cannot start; `text` is a snakepit.worker.v1.Error, serialized.
  std::function<void(std::string text)> on_refused;
  /// One line of output without its end; `line` valid during the call. Lines are cut at 16 KiB;
  /// above 1000 a second and stream they are dropped and counted, which a line of ours then says.
  std::function<void(bool is_stderr, std::string_view line)> on_output;
  /// The leader has ended and was reaped, and its output was read as far as it had been written.
  /// Called exactly once, last.
  std::function<void(exit_status)> on_exit;
};

/// One worker process and its whole group. Destroying it ends the group if that is still there, at
/// once and without waiting: the lifetime pipe closes and the kernel does the rest.
///
/// All members may be called from any thread.
class process {
public:
  virtual ~process() = default;

  virtual const process_identity& identity() const noexcept = 0;

  /// Whether a template forked it; else it was executed.
  virtual bool is_forked() const noexcept = 0;

  /// The lane's section of the shared lane page, mapped as long as a view of it lives.
  virtual core::lane_page page(uint32_t lane) noexcept = 0;

  /// Sends a signal to the leader through its pidfd. Returns whether it was there to get it.
  virtual bool signal(int number) noexcept = 0;

  /// Whether the leader is there and stopped, by a signal or by a debugger.
  virtual bool is_stopped() const = 0;

  /// SIGKILL to the whole group. (What is left of it after the leader's end gets one anyway, before
  /// `on_exit`.) Returns whether the leader was there to get it: false says that it had ended by
  /// itself, though `on_exit` may be yet to come.
  virtual bool kill_group() noexcept = 0;

  /// Asks for the stacks of all threads, without disturbing what they do. `done` is called once,
  /// from the launcher's thread, after `limit` at the latest, and not after `~process` has returned
  /// or once the launcher ends.
  virtual void take_stacks(std::chrono::milliseconds limit,
                           std::function<void(core::stack_sample)> done) = 0;

  /// What stands written of stacks: after a fatal signal those at that moment. 256 KiB at most; not
  /// to be trusted.
  virtual std::string written_stacks() const = 0;

  /// Of those that `take_stacks` has asked for last, what has come; empty if the launcher's thread
  /// has not got round to asking.
  virtual std::string stacks_so_far() const = 0;

  /// The last bytes written to stderr, `limit` at most (64 KiB are kept).
  virtual std::string last_stderr(size_t limit) const = 0;
};

/// Starts processes. One thread of its own does the starting, reads the output, waits for ends.
class process_launcher {
public:
  using callback = std::function<void(result<std::unique_ptr<process>>)>;

  /// Does what `stop` does, if that was not done. Processes may be destroyed later, but nothing is
  /// called any more. Not from the launcher's thread.
  virtual ~process_launcher() = default;

  /// Ends every process that is left, and reaps it; waits for at most two seconds for one that the
  /// kernel cannot end at once. Launches that wait, or come later, are answered with an error.
  /// Returns the pids of those that are still there. Not from the launcher's thread, nor twice at
  /// once.
  virtual std::vector<int64_t> stop() = 0;

  /// SIGKILL to every group that is left, at once, though the launcher's thread may hang. Any
  /// thread.
  virtual void kill_all() noexcept = 0;

  /// Starts one process; `done` is called once, from the launcher's thread. Errors are
  /// worker_start_failed and name what is missing (executable, right, descriptor, pid).
  virtual void launch(launch_spec spec, process_events events, callback done) = 0;

  /// Nothing is to be forked any more from the templates of this origin: they end after the last of
  /// their workers. Any thread.
  virtual void retire(const std::shared_ptr<const launch_spec>& origin) {
    static_cast<void>(origin);
  }
};

/// The real one: vfork and exec.
/// Fails with `internal` and the missing kernel feature named (pidfd, memfd, /proc).
result<std::unique_ptr<process_launcher>> make_exec_launcher();

} // namespace snakepit::io
