#pragma once

#include <snakepit/error.hpp>
#include <snakepit/event.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit {

/// A span of time in the configuration; `infinite` is its word there.
using duration = std::chrono::nanoseconds;
inline constexpr duration infinite = duration::max();

/// Names this runtime and says where it keeps its sockets.
struct instance_config {
  std::string name = "default";
  /// With one, the instance is exclusive: a second start with the same name and id fails and says
  /// who holds it. Empty: many runs live side by side.
  std::string id{};
  /// Folder for the ledger of processes, made with mode 0700. Empty: $XDG_STATE_HOME/snakepit, else
  /// /var/lib/snakepit for root, else ~/.local/state/snakepit.
  std::string state_dir{};
  /// Sockets live in a folder of their own below this one, which is made with mode 0700 and must
  /// belong to us. Empty: $XDG_RUNTIME_DIR/snakepit, else /run/snakepit for root, else
  /// /tmp/snakepit-<uid>.
  std::string run_dir{};
};

/// How workers' interpreters are found and what they see.
struct python_config {
  /// Debian's own, since the `python3` first on PATH may lack grpcio.
  std::string executable = "/usr/bin/python3";
  /// Folder of a virtual environment; its bin/python is used instead of `executable`.
  std::string venv{};
  /// Put before the rest of Python's module path.
  std::vector<std::string> path{};
  /// Added to the host's environment.
  std::map<std::string, std::string> env{};
};

/// Default budgets; a call's options override them.
struct timeouts_config {
  /// balanced | production | production_strict | development | ml_inference | batch.
  std::string profile = "balanced";
  std::optional<duration> call{};  ///< none: by the profile
  std::optional<duration> queue{}; ///< none: by the profile
  /// From interrupting a call that overran until its worker is ended.
  duration cancel_grace = std::chrono::seconds{2};
  /// How long `stop` waits for calls in flight.
  duration drain = std::chrono::seconds{30};
};

struct start_config {
  size_t batch_size = 8;                       ///< workers started at a time
  duration batch_delay{0};                     ///< pause between two batches
  duration timeout = std::chrono::seconds{30}; ///< for one worker, import and initialize included
};

struct queue_config {
  size_t max_calls = 1000;
  uint64_t max_bytes = uint64_t{256} << 20;
  std::optional<duration> timeout{}; ///< none: `timeouts.queue`
  /// How much foreseen work a lane may hold: enough to hide the way there and back.
  duration prefetch_time = std::chrono::milliseconds{1};
  /// Refuse a call at once if those before it are foreseen to take longer than its deadline allows.
  bool predict = true;
  /// How much later than it has come a call counts as having come for each priority below high.
  duration ageing = std::chrono::seconds{2};
};

struct restart_config {
  /// Pause before the n-th restart in a row of a slot; the last one stays.
  std::vector<duration> backoff{duration{0}, std::chrono::milliseconds{100},
                                std::chrono::milliseconds{500}, std::chrono::seconds{2}};
  /// Failed starts in a row, with no worker ready, until the pool counts as failed.
  size_t start_failures = 5;
  /// How often a failed pool tries again.
  duration retry_failed = std::chrono::seconds{10};
};

/// How a worker that answers nothing any more is found out, and what becomes of it.
struct heartbeat_config {
  /// How often a ready worker is asked whether it is there; one that runs no calls down to a
  /// quarter of that, but at least every `timeout`. `infinite`: never.
  duration interval = std::chrono::seconds{2};
  /// Without any sign of life for so long a heartbeat counts as missed. Also the time that a health
  /// probe has.
  duration timeout = std::chrono::seconds{10};
  /// Misses in a row after which a worker counts as hung, if it runs no call or is stopped.
  size_t misses = 3;
  /// Whether a worker that is hung, or cannot run a probe, is ended and replaced; else only an
  /// event tells of it, and it gets no calls.
  bool dependent = true;
  /// Intervals differ by up to this part, so that workers are not all asked at once.
  double jitter = 0.1;
  /// How long a call may hold Python's lock. Infinite: until its deadline.
  duration gil_limit = infinite;
};

/// Whether and when a call that was lost with its worker is run again: only one that is idempotent,
/// and only if its deadline leaves time for the pause before it.
struct retry_config {
  /// Runs of a call in all; 1: none is run again.
  size_t attempts = 3;
  /// Pause before the second run, the third...; the last one stays.
  std::vector<duration> backoff{std::chrono::milliseconds{100}, std::chrono::milliseconds{200},
                                std::chrono::milliseconds{400}};
  /// Pauses differ by up to this part.
  double jitter = 0.25;
  /// Which losses: worker_crashed, worker_killed, worker_hung.
  std::vector<std::string> on{"worker_crashed", "worker_killed", "worker_hung"};
};

/// A call that has killed several workers is refused for a while.
struct poison_config {
  bool enabled = true;
  /// Deaths of workers, each while it ran this call and no other, after which it is refused.
  size_t crashes = 3;
  /// How long a death is remembered, and such a call refused.
  duration ttl = std::chrono::minutes{10};
};

/// When a worker is replaced though nothing is wrong with it, and when it is ended for the memory
/// that it holds. The new one is ready before the old one leaves, which finishes what it has been
/// given; no call fails for it.
struct recycle_config {
  duration ttl = infinite; ///< age of a worker, since it became ready
  size_t max_calls = 0;    ///< calls that it has ended; 0: any number
  /// Bytes that it and its descendants hold for themselves, above which it is replaced; 0: any.
  uint64_t memory_soft = 0;
  /// The same, above which it is ended at once, with the call that it runs; 0: any.
  uint64_t memory_hard = 0;
  /// A worker that has had calls, but none for so long. One without any is as good as new.
  duration idle = infinite;
  /// Limits are less by up to this part, by another one for each worker, so that not all are
  /// replaced at once; but `memory_hard`.
  double jitter = 0.1;
  /// Slots that may be without a worker at a time: 0 starts the new one first; more lets up to so
  /// many leave first, where two workers at once do not fit.
  size_t max_unavailable = 0;
  /// New workers that a reload starts at a time.
  size_t surge = 1;
};

/// How many workers a pool has, by its load.
struct autoscale_config {
  size_t min = 1;
  size_t max = 0; ///< 0: it has `workers`, whatever the load
  /// A call that has waited for so long wants more of them.
  duration target_wait = std::chrono::milliseconds{20};
  /// What was not needed for so long is given up.
  duration idle = std::chrono::seconds{60};
};

/// Calls are refused for a while after failures in a row, by pool and by tool.
struct breaker_config {
  bool enabled = false;
  size_t failures = 5;                       ///< in a row
  duration reset = std::chrono::seconds{30}; ///< refused for so long
  size_t half_open = 1;                      ///< calls that are let through then, as a trial
};

/// A slot whose worker crashed is chosen last for a while.
struct crash_barrier_config {
  bool enabled = true;
  duration taint = std::chrono::seconds{60}; ///< for so long
  size_t clear_after = 20;                   ///< or until so many calls succeeded on it
};

/// A pool whose workers crash too often is degraded, though it serves calls as before.
struct health_config {
  duration window = std::chrono::seconds{60};
  size_t crashes = 10; ///< so many within the window; 0: however many
};

/// What the kernel holds each worker to, and who it is. 0: as the host.
struct limits_config {
  /// Bytes of memory of its own (RLIMIT_DATA): beyond it an allocation fails, in Python with
  /// MemoryError.
  uint64_t memory = 0;
  /// Open descriptors (RLIMIT_NOFILE).
  size_t files = 1024;
  /// Seconds of processor time (RLIMIT_CPU), over its whole life: then SIGXCPU ends it.
  size_t cpu_seconds = 0;
  /// Bytes of a core dump (RLIMIT_CORE); 0 means none.
  uint64_t core = 0;
  /// Added to the host's nice level, 0 to 19.
  size_t nice = 0;
  /// User to become, by name; the host must be root. Empty: the host's.
  std::string user{};
  /// Largest payload of a call or a result.
  uint64_t inline_bytes = uint64_t{16} << 20;
};

/// Faults that workers make on purpose, so that it can be seen what becomes of them. Never in
/// production: the log says at each start that it is on.
struct chaos_config {
  /// Fault (kill, segv, exit, hang, stop, slow, garbage, half_close) to how often: a rate such as
  /// `0.001`, the share of calls that it befalls, or `@100`, the hundredth call of each worker.
  std::map<std::string, std::string> faults{};
  /// What the rates draw from, with the worker's slot and generation.
  size_t seed = 0;
};

struct pool_config {
  std::string name = "default";
  /// `package.module:Class`, `package.module`, or `./file.py[:Class]`. Required.
  std::string adapter{};
  /// process: a worker runs one call at a time, on its main thread. thread: it runs as many as it
  /// has lanes, each on a thread of its own; the adapter must say that it is thread safe. async: as
  /// many as it has lanes, as coroutines on one event loop.
  std::string profile = "process";
  /// Calls that one worker runs at a time; more than one needs the profile `thread` or `async`.
  /// None: by the profile, see `lanes_of`.
  std::optional<size_t> lanes{};
  /// How many threads OpenMP, OpenBLAS, MKL, numexpr and vecLib may use in a worker: `auto` (one
  /// with the profiles `process` and `async`; with `thread` the processors divided by all lanes of
  /// the pool, at least one), `off` (nothing is set) or a number. It is said by environment
  /// variables such as OMP_NUM_THREADS before anything is imported; those that `python.env` or the
  /// host's environment sets stay as they are.
  std::string threads_env = "auto";
  /// template: forked from a process that has imported what all need. exec: each a fresh
  /// interpreter; also what is done while there is no such process.
  std::string spawn = "template";
  /// Modules that the template imports; `adapter` stands for the pool's own.
  std::vector<std::string> preload{};
  std::optional<size_t> workers{}; ///< none: number of processors; with `autoscale` its `min`
  size_t min_ready = 1;
  size_t max_workers = 150; ///< a larger `workers` is reduced to this, with a warning
  autoscale_config autoscale{};
  start_config start{};
  queue_config queue{};
  restart_config restart{};
  heartbeat_config heartbeat{};
  /// A lane that has been idle for so long is proved by a probe; `infinite`: never.
  duration health_interval = std::chrono::seconds{30};
  /// Whether calls of one session go to the worker that ran its first: hint, if it has room now;
  /// strict_queue, they wait for it; strict_fail_fast, they are refused if it has none. A call's
  /// own option goes before it.
  std::string affinity = "hint";
  recycle_config recycle{};
  retry_config retry{};
  breaker_config breaker{};
  crash_barrier_config crash_barrier{};
  health_config health{};
  poison_config poison{};
  limits_config limits{};
  chaos_config chaos{};
};

/// How many calls one worker of the pool runs at a time: `lanes`, or if that is not set 1 with the
/// profile `process`, 4 with `thread`, 100 with `async`.
size_t lanes_of(const pool_config& x);

/// A line that a worker printed, valid during the call that hands it over.
struct worker_line {
  std::string_view pool;
  uint32_t slot = 0;
  uint32_t generation = 0;
  bool is_stderr = false;
  std::string_view text; ///< without its end, secrets redacted, control characters made harmless
};

struct log_config {
  std::string level = "warning";                   ///< trace | debug | info | warning | error | off
  std::string format = "text";                     ///< text | json
  std::map<std::string, std::string> categories{}; ///< level by category
  std::string file{};                              ///< empty: stderr
  std::string worker_output = "info";              ///< level of the lines that workers print
  /// For programs that show the log themselves, not in YAML: takes each line, without its end,
  /// instead of stderr. Called by one thread at a time; must not use the runtime.
  std::function<void(std::string_view)> sink{};
  /// The same for the lines that workers print, whatever their level; the log gets them, too. May
  /// be called by several threads at once.
  std::function<void(const worker_line&)> output_sink{};
};

/// A server over HTTP for Prometheus and probes: /metrics, /livez, /readyz, /startupz.
struct admin_config {
  /// `host:port` with numbers for the host, or a port of 127.0.0.1; port 0 takes a free one. Empty:
  /// no server. It asks for no password.
  std::string listen{};
};

/// A subscriber from the very beginning, for programs, not in YAML. Without it events can be had
/// only after `runtime::start` has returned: see `runtime::subscribe`.
struct events_config {
  event_filter filter{};
  event_callback sink{};
  size_t backlog = event_backlog;
};

/// Everything a runtime needs to know; the one place of defaults.
struct config {
  instance_config instance{};
  python_config python{};
  timeouts_config timeouts{};
  /// What `defaults:` says: pools that were read started as a copy of it, and a pool that a program
  /// adds should, too. Its name and adapter may be unset.
  pool_config defaults{};
  std::vector<pool_config> pools{};
  log_config log{};
  events_config events{};
  admin_config admin{};
};

/// Reads YAML strictly: an unknown key, a wrong type, a duplicate pool or an impossible combination
/// is an `invalid_config` error that names file, line, column and the nearest known key. The
/// environment (`SNAKEPIT__TIMEOUTS__CALL=5s`) is applied over it, unless `environment` is false.
/// An empty name stands for no file: built-in defaults and the environment.
result<config> load_config(const std::string& file, bool environment = true);

/// The same from text; `name` stands for the file in messages. Empty text is a configuration of
/// defaults without pools, which is valid: a program may add its own.
result<config> parse_config(const std::string& yaml, const std::string& name,
                            bool environment = true);

/// Checks what types cannot: names, ranges, combinations. `load_config` has done so already. The
/// message names the path of the value, which is also the detail "path". No pools at all is fine.
result<void> validate(const config& x);

/// The effective configuration as YAML, every key present; `origins` adds a comment that says where
/// each value came from (default, file:line, environment variable). `parse_config` makes the same
/// configuration of it.
result<std::string> show_config(const std::string& file, bool origins);

/// Default budgets of a timeout profile.
struct timeout_profile {
  duration call;
  duration stream;
  duration queue;
};
/// Nothing if there is no profile of this name.
std::optional<timeout_profile> find_timeout_profile(const std::string& name);

} // namespace snakepit
