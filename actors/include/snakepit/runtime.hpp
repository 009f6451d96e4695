#pragma once

#include <snakepit/call_options.hpp>
#include <snakepit/call_receipt.hpp>
#include <snakepit/config.hpp>
#include <snakepit/error.hpp>
#include <snakepit/event.hpp>
#include <snakepit/poison.hpp>
#include <snakepit/reload.hpp>
#include <snakepit/value.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace snakepit {

/// Arguments as JSON text: one object, parameter names to values. Checked, not re-written.
struct json_text {
  std::string text;
};

/// One bytes argument for a tool that takes and returns bytes; no JSON on the way.
struct raw_bytes {
  std::string data;
};

/// Arguments of a call in one of three forms. A `value` must be a map of parameter names.
using arguments = std::variant<value, json_text, raw_bytes>;

/// What a tool returned, still encoded.
class payload {
public:
  payload() = default;
  payload(bool raw, std::string text, std::vector<std::string> attachments = {})
    : raw_{raw}, text_{std::move(text)}, attachments_{std::move(attachments)} {}

  /// Whether the call was made with `raw_bytes`; then `text` is what the tool returned.
  bool is_raw() const noexcept {
    return raw_;
  }
  /// JSON text (with `{"$": ["bytes", k]}` for attachment k), or the raw bytes.
  const std::string& text() const& noexcept {
    return text_;
  }
  std::string text() && noexcept {
    return std::move(text_);
  }
  const std::vector<std::string>& attachments() const noexcept {
    return attachments_;
  }

  /// What the call took. (Of one that failed: `error::receipt`.)
  const call_receipt& receipt() const noexcept {
    return receipt_;
  }
  void set_receipt(const call_receipt& x) noexcept {
    receipt_ = x;
  }

  /// Decodes it. Raw bytes become a `bytes` value.
  result<value> to_value() const;
  /// JSON text for people, bytes as `{"$": ["base64", text]}`.
  result<std::string> to_json() const;

private:
  bool raw_ = false;
  std::string text_;
  std::vector<std::string> attachments_;
  call_receipt receipt_;
};

/// How a call ended.
using outcome = result<payload>;

/// A parameter-checked name and schema of a tool, as a pool's workers declared it.
struct tool_description {
  std::string name;
  std::string description;
  std::string schema; ///< JSON Schema of the arguments, as text
  bool raw = false;
  bool idempotent = false;
  /// How many calls it is given at once, if they come close together; 0: each by itself.
  uint32_t batch_size = 0;
  /// How long a call may be held back for others to run with; see docs/batching.md.
  duration batch_delay{0};
};

/// One worker of a pool.
struct worker_stats {
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint32_t revision = 1; ///< of what it was made from: counts the reloads
  int64_t pid = 0;       ///< 0 until it is ready
  /// starting | ready | unwell | leaving
  std::string state;
  size_t in_flight = 0; ///< calls handed to it and not answered
  uint64_t calls = 0;   ///< that have ended on it
  duration age{0};      ///< since it became ready
  /// What it and its descendants hold for themselves, when it was last measured; 0: it was not,
  /// which is done only for `recycle.memory_soft` and `memory_hard`.
  uint64_t memory_bytes = 0;
  /// How a worker of its slot has crashed (segfault | abort | oom | signal | exit), while the slot
  /// is chosen last for that; else empty.
  std::string tainted{};
  /// Bytes by which that grows in 1000 calls, from its first call on: a leak, if it goes on. 0 if
  /// it was not measured, or has had less than 100 calls since.
  int64_t memory_growth = 0;
};

/// How long calls took that ended within the last minute, in fact the last 50 to 60 seconds. So
/// many percent took no longer than this; rounded up by an eighth at most, or by a microsecond.
struct latency_stats {
  uint64_t calls = 0;
  duration p50{0};
  duration p90{0};
  duration p99{0};
};

/// Whether calls are refused after failures in a row: see `breaker_config`.
struct circuit_stats {
  std::string tool;    ///< whose calls; empty: all of the pool
  std::string state;   ///< closed | half_open | open
  size_t failures = 0; ///< in a row: now, or those that opened it
  duration left{0};    ///< until a trial, while it is open
};

/// Counters and gauges of one pool. Taken at one moment by the pool itself.
struct pool_stats {
  std::string name;
  /// starting | ready | degraded | failed | draining | stopped
  std::string state;
  /// Why it is degraded: `workers`, fewer than `min_ready` are ready; `crashes`, workers crash too
  /// often, though enough are ready. Else empty.
  std::string degraded_by;
  /// Of what its workers are made from: 1, and one more for each reload.
  uint32_t revision = 1;
  size_t workers_target = 0;
  size_t workers_ready = 0;    ///< proved ready, may be busy
  size_t workers_unwell = 0;   ///< were ready and do not answer, or cannot run a probe
  size_t workers_starting = 0; ///< started and not proved yet
  size_t workers_waiting = 0;  ///< slots that wait for their back-off or turn
  size_t lanes = 0;            ///< of ready workers
  size_t busy = 0;             ///< lanes with at least one call, also of workers that leave
  size_t queued = 0;           ///< calls that wait now
  uint64_t queued_bytes = 0;
  size_t in_flight = 0;                     ///< calls handed to workers and not answered
  uint64_t calls_admitted = 0;              ///< since start
  uint64_t calls_succeeded = 0;             ///< since start
  uint64_t calls_failed = 0;                ///< since start, refused ones not included
  uint64_t calls_retried = 0;               ///< runs of calls after their worker was lost
  uint64_t late_replies = 0;                ///< results that came after their call was answered
  std::map<std::string, uint64_t> rejected; ///< by reason, since start
  std::map<std::string, uint64_t> errors;   ///< answered with an error, by reason, since start
  std::map<std::string, uint64_t> errors_by_category; ///< the same
  uint64_t timeouts = 0;                              ///< of these the ones of category `timeout`
  latency_stats queue_wait; ///< until they were sent to a worker; sent twice counts twice
  latency_stats total;      ///< of admitted calls to their answer, whatever it was
  /// The pool's and those of tools that have ever been open; none if the breaker is off.
  std::vector<circuit_stats> circuits;
  uint64_t worker_starts = 0;
  uint64_t worker_start_failures = 0;
  uint64_t worker_exits = 0; ///< unexpected ones, after having been ready
  /// Those that there are, by slot and generation; a slot may have two, or none.
  std::vector<worker_stats> workers;
};

/// Processes, threads, descriptors and memory of the host's process tree.
struct resource_usage {
  size_t processes = 0;
  size_t threads = 0;
  size_t descriptors = 0;
  uint64_t memory_bytes = 0; ///< resident, shared pages counted in each process
};

/// A worker that has ended, as the runtime remembers it.
struct recorded_death {
  std::chrono::system_clock::time_point at;
  std::shared_ptr<const death_certificate> certificate; ///< never null
};

/// How many of them a runtime remembers.
inline constexpr size_t deaths_kept = 256;

/// What starting a pool took.
struct start_report {
  resource_usage before;
  resource_usage peak;
};

/// A call under way. Dropping it neither waits nor cancels, unless the call was made with
/// `cancel_on_drop`: then the last copy that is dropped cancels it, if it is still under way.
class call_handle {
public:
  struct state;

  call_handle() = default;
  explicit call_handle(std::shared_ptr<state> x) : state_{std::move(x)} {}

  /// Asks that the call ends: it is answered `cancelled` unless it has been answered already.
  /// Returns at once. Thread safe.
  void cancel();

  /// Unique in this runtime; stands in logs. 0 if empty.
  uint64_t id() const noexcept;

private:
  std::shared_ptr<state> state_;
};

/// A call under way whose end is a future.
struct call_future {
  std::future<result<value>> future;
  call_handle handle;
};

/// How long `runtime::stop` may take beyond the drain time.
inline constexpr duration stop_patience = std::chrono::seconds{10};

/// Pools of Python workers in this process: the way in. Movable, not copyable. All members may be
/// called from any thread but where they say otherwise. Never throws. Signals are left alone.
/// Destroying it stops it with the configured drain time; in a callback of a call that happens on
/// another thread. A process that the program forks must not use it and may destroy it, which then
/// does nothing.
class runtime {
public:
  class implementation;

  /// Starts what `cfg` says, in an actor system of its own, and returns at once: see `await_ready`.
  /// Fails with invalid_config, or with `internal` and the missing kernel feature named.
  static result<runtime> start(config cfg);

  explicit runtime(std::unique_ptr<implementation> x) noexcept;
  runtime(runtime&&) noexcept;
  runtime& operator=(runtime&&) noexcept;
  ~runtime();

  /// Waits until the pool's `min_ready` workers are proved ready. Returns the cause at once when
  /// the start has failed for good; `pool_not_ready` when `timeout` passes. Empty name: every pool.
  result<void> await_ready(const std::string& pool = {}, duration timeout = infinite);

  /// Waits until all workers are ready. Same errors.
  result<start_report> await_started(const std::string& pool = {}, duration timeout = infinite);

  /// Calls `tool` and waits for its end. Not from a CAF actor or a callback of ours: it blocks.
  result<value> execute(std::string_view tool, arguments args, const call_options& options = {});

  /// The same, and tells what it took, also of a call that failed after its admission.
  result<value> execute(std::string_view tool, arguments args, const call_options& options,
                        call_receipt& receipt);

  /// One bytes argument, one bytes result.
  result<std::string> execute_raw(std::string_view tool, std::string data,
                                  const call_options& options = {});

  /// Calls `tool`; the end is a future.
  call_future execute_async(std::string_view tool, arguments args,
                            const call_options& options = {});

  /// Calls `tool`; `done` is called exactly once, from a thread of the runtime, before `stop`
  /// returns. It must not block and not throw.
  call_handle execute_async(std::string_view tool, arguments args, const call_options& options,
                            std::function<void(outcome)> done);

  /// Many calls of one tool in one message. `done(index, outcome)` is called exactly once for each,
  /// in any order, from threads of the runtime, possibly at once from several.
  void submit_many(std::string_view tool, std::vector<arguments> args, const call_options& options,
                   std::function<void(size_t, outcome)> done);

  /// Tools of a pool whose first worker is ready; `pool_not_ready` before.
  result<std::vector<tool_description>> tools(const std::string& pool = {});

  /// Statistics of every pool, in the order of the configuration.
  std::vector<pool_stats> stats();

  /// Calls that are refused since they have killed workers, of all pools, the latest first.
  std::vector<poisoned_call> poisoned();

  /// Has them forgotten, so that such calls are tried again; returns what there was.
  std::vector<poisoned_call> clear_poisoned();

  /// What the worker in this slot does now: the stacks of its threads and what the kernel says of
  /// them. It is not disturbed: whatever it waits for, it goes on to wait for. `done` is called
  /// once, after half a second at the latest, from a thread of the runtime; it must not block.
  /// Errors: pool_not_found, invalid_argument (no such slot), unavailable (no worker there now).
  void stacks(const std::string& pool, uint32_t slot,
              std::function<void(result<stack_report>)> done);

  /// The same, waiting for it.
  result<stack_report> stacks(const std::string& pool, uint32_t slot);

  /// How workers have ended, expected or not, those that did not get ready included; the latest
  /// first, `most` at most.
  std::vector<recorded_death> deaths(size_t most = deaths_kept) const;

  /// Replaces the worker in this slot: a new one is started, takes the slot when it is ready, and
  /// the old one ends when the calls that it has begun have. No call fails by that. `done` is
  /// called once, when the new one is ready, from a thread of the runtime; it must not block.
  /// Errors: pool_not_found, invalid_argument (no such slot), unavailable (no worker there now),
  /// draining, and why the new one did not start: the old one then stays. With
  /// `recycle.max_unavailable` the old one leaves first, and its slot goes on trying.
  void recycle(const std::string& pool, uint32_t slot, std::function<void(result<void>)> done);

  /// The same, waiting for it.
  result<void> recycle(const std::string& pool, uint32_t slot);

  /// Replaces all workers of a pool, or of all if the name is empty, by ones that are started anew,
  /// from a new template: with the code that stands on the disk now. One is tried first; if it
  /// cannot become ready nothing has changed. Then the others follow, `recycle.surge` at a time,
  /// each ready before the one that it replaces leaves: no call fails for it, and no sample shows a
  /// ready worker less (but see `recycle.max_unavailable`). If a later one cannot start, or
  /// `restart.start_failures` of the new ones do not start or crash, the pool goes back. Until it
  /// is over tools are those of the old workers.
  ///
  /// `done` is called once, when the workers of all pools are either new or what they were, from a
  /// thread of the runtime; it must not block. A reload that comes while another one runs begins
  /// when that is over. Errors: pool_not_found, draining; what befell a pool stands in its report.
  void reload(const std::string& pool, std::function<void(result<reload_summary>)> done);

  /// The same, waiting for it.
  result<reload_summary> reload(const std::string& pool = {});

  /// The same for all pools, with what a reload can take over of another configuration: `python`,
  /// and of each pool `adapter`, `preload`, `threads_env`, `heartbeat`, `health_interval`,
  /// `limits` but `inline`, `start.timeout` and `chaos`. A pool that is rolled back keeps what it
  /// had. invalid_config if it is not valid; then nothing is done.
  void reload_with(const config& wanted, std::function<void(result<reload_summary>)> done);
  result<reload_summary> reload_with(const config& wanted);

  /// Changes the log's level: of a category ("pool", "output", ...), or if that is empty of all
  /// that have none of their own. Fails with invalid_argument for a word that is no level.
  result<void> set_log_level(const std::string& level, const std::string& category = {});

  /// Tells `callback` of the events that the filter lets through and that happen from now on. At
  /// most `backlog` may wait for it; it may be called before this returns. `stop` waits a second
  /// for what it has not had yet; there is nothing after. Errors: invalid_argument that names what
  /// the filter has and the table has not; `draining` once the runtime has stopped.
  result<subscription> subscribe(const event_filter& filter, event_callback callback,
                                 size_t backlog = event_backlog);

  /// host:port where the admin server listens, empty if it is off.
  const std::string& admin_address() const noexcept;

  /// Stops admitting, lets calls in flight end for at most `timeouts.drain`, answers the rest, ends
  /// the workers. Returns when no worker process is left, or, whatever hangs, `stop_patience` after
  /// the drain time. Again, and from other threads, it waits for the same and returns the same.
  ///
  /// Errors: `internal`, if something is left. The details then say what: `survivors`, the pids of
  /// processes that the kernel does not end, or `hangs`, a callback of the program's that does not
  /// return; what that needs is then never freed. All workers have had SIGKILL by then.
  /// `invalid_argument`, if it is called in a callback of a call, which it would have to wait for:
  /// the runtime then takes no more calls, but does not stop.
  result<void> stop();
  /// The same with a drain time.
  result<void> stop(duration drain);

  /// Stands in every worker's environment as SNAKEPIT_RUN_ID.
  const std::string& run_id() const noexcept;

  /// Why the ledger of processes cannot be written; empty if it can. Calls and starts go on
  /// meanwhile: see docs/ledger.md.
  std::string ledger_trouble() const;

private:
  friend struct runtime_access;

  std::unique_ptr<implementation> impl_;
};

} // namespace snakepit
