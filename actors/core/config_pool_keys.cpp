#include "actors/core/config_keys.hpp"

namespace snakepit::core {

namespace {

/// Keys that say what becomes of workers and calls in the course of time and in trouble.
std::vector<config_key> keys_of_trouble(pool_config& x) {
  return {
    {"affinity",
     word_field{&x.affinity, {"hint", "strict_queue", "strict_fail_fast"}},
     {},
     "Whether calls of one session go to the worker that ran its first: `hint`, if it has room "
     "now; "
     "`strict_queue`, they wait for it; `strict_fail_fast`, they are refused with `worker_busy` if "
     "it has none."},

    {"recycle.ttl",
     duration_field{&x.recycle.ttl},
     {.positive = true, .infinite = true},
     "Age at which a worker is replaced. The new one is ready before the old one leaves; no call "
     "fails for it."},
    {"recycle.max_calls",
     count_field{&x.recycle.max_calls},
     {},
     "Calls after which a worker is replaced. 0: any number."},
    {"recycle.memory_soft",
     size_field{&x.recycle.memory_soft},
     {},
     "Memory of a worker and its descendants, without what they share with others, above which it "
     "is replaced. 0: any."},
    {"recycle.memory_hard",
     size_field{&x.recycle.memory_hard},
     {},
     "The same, above which it is ended at once, with the call that it runs. 0: any."},
    {"recycle.idle",
     duration_field{&x.recycle.idle},
     {.positive = true, .infinite = true},
     "A worker that has had calls, but none for so long, is replaced."},
    {"recycle.jitter",
     share_field{&x.recycle.jitter},
     {},
     "These limits are less by up to this part, by another one for each worker, so that not all "
     "are replaced at once; but `memory_hard`."},
    {"recycle.surge",
     count_field{&x.recycle.surge},
     {.positive = true},
     "New workers that a reload starts at a time, each beside the one that it replaces."},
    {"recycle.max_unavailable",
     count_field{&x.recycle.max_unavailable},
     {},
     "Slots that may be without a worker for it at a time: 0 starts the new one first; more lets "
     "up to so many leave first, where two at once do not fit."},

    {"retry.attempts",
     count_field{&x.retry.attempts},
     {.positive = true},
     "Runs of an idempotent call in all, if its workers are lost. 1: none is run again."},
    {"retry.backoff",
     durations_field{&x.retry.backoff},
     {},
     "Pauses before the second run of a call, the third, ...; the last one stays. A run that the "
     "deadline leaves no time for is not tried."},
    {"retry.jitter", share_field{&x.retry.jitter}, {}, "Pauses differ by up to this part."},
    {"retry.on",
     texts_field{&x.retry.on},
     {},
     "After which losses: of `worker_crashed`, `worker_killed`, `worker_hung`."},

    {"breaker.enabled",
     flag_field{&x.breaker.enabled},
     {},
     "Refuse calls for a while after failures in a row, by pool (workers that were lost) and by "
     "tool (calls that failed)."},
    {"breaker.failures",
     count_field{&x.breaker.failures},
     {.positive = true},
     "Failures in a row after which calls are refused."},
    {"breaker.reset",
     duration_field{&x.breaker.reset},
     {.positive = true},
     "For how long they are refused."},
    {"breaker.half_open",
     count_field{&x.breaker.half_open},
     {.positive = true},
     "Calls that are let through then, as a trial: all must succeed."},

    {"crash_barrier.enabled",
     flag_field{&x.crash_barrier.enabled},
     {},
     "Choose a slot whose worker crashed last for a while."},
    {"crash_barrier.taint",
     duration_field{&x.crash_barrier.taint},
     {.positive = true},
     "For how long it is chosen last."},
    {"crash_barrier.clear_after",
     count_field{&x.crash_barrier.clear_after},
     {.positive = true},
     "Calls that must succeed on it to end this before."},

    {"health.window",
     duration_field{&x.health.window},
     {.positive = true},
     "A pool is degraded while `health.crashes` of its workers have crashed within this time. It "
     "serves calls as before."},
    {"health.crashes",
     count_field{&x.health.crashes},
     {},
     "See `health.window`. 0: however many crash."},

    {"poison.enabled",
     flag_field{&x.poison.enabled},
     {},
     "Refuse calls, by tool and arguments, that have killed several workers."},
    {"poison.crashes",
     count_field{&x.poison.crashes},
     {.positive = true},
     "Deaths of workers, each while it ran this call and no other, after which it is refused."},
    {"poison.ttl",
     duration_field{&x.poison.ttl},
     {.positive = true},
     "How long a death is remembered, and such a call refused."},

    {"limits.inline",
     size_field{&x.limits.inline_bytes},
     {.positive = true},
     "Largest payload of a call or a result."},
    {"limits.memory",
     size_field{&x.limits.memory},
     {},
     "Memory of its own that a worker may have (RLIMIT_DATA); beyond it Python raises MemoryError. "
     "0: "
     "as the host."},
    {"limits.files",
     count_field{&x.limits.files},
     {},
     "Descriptors that a worker may have open (RLIMIT_NOFILE). 0: as the host."},
    {"limits.cpu_seconds",
     count_field{&x.limits.cpu_seconds},
     {},
     "Seconds of processor time that a worker may use in its life (RLIMIT_CPU); then SIGXCPU ends "
     "it. 0: as the host."},
    {"limits.core", size_field{&x.limits.core}, {}, "Largest core dump of a worker. 0: none."},
    {"limits.nice",
     count_field{&x.limits.nice},
     {},
     "Added to the host's nice level for workers, 0 to 19."},
    {"limits.user",
     text_field{&x.limits.user},
     {.null = true},
     "User that workers become, by name; the host must be root. Without it: the host's."},

    {"chaos.faults",
     text_map_field{&x.chaos.faults},
     {},
     "Faults made on purpose, for tests: `kill`, `segv`, `exit`, `hang`, `stop`, `slow`, "
     "`garbage`, "
     "`half_close`, each with a share of calls (`0.001`) or a number of the worker's call "
     "(`\"@100\"`); `no_start`, a share of starts, or the slot's first (`\"@1\"`), second..."},
    {"chaos.seed", count_field{&x.chaos.seed}, {}, "What the shares of `chaos.faults` draw from."},
  };
}

} // namespace

std::vector<config_key> keys_of(pool_config& x) {
  auto all = std::vector<config_key>{
    {"name",
     text_field{&x.name},
     {.name = true, .pool_only = true},
     "Name that calls use; a call that names no pool goes to `default`, or to the only one."},
    {"adapter",
     text_field{&x.adapter},
     {.null = true},
     "Python code of the pool: `package.module:Class`, `package.module` or `./file.py[:Class]`. "
     "Every pool needs one, of its own or from `defaults`."},
    {"profile",
     word_field{&x.profile, {"process", "thread", "async"}},
     {},
     "How a worker runs calls: `process`, one at a time on its main thread; `thread`, as many as "
     "it has lanes, each on a thread of its own, which the adapter must say that it is made for "
     "(`thread_safe = True`); `async`, as many as it has lanes, as coroutines on one event loop."},
    {"lanes",
     optional_count_field{&x.lanes},
     {.positive = true},
     "Calls that one worker runs at a time; more than one needs `profile: thread` (at most 256) or "
     "`async` (at most 4096). Without it: 1 with `process`, 4 with `thread`, 100 with `async`."},
    {"threads_env",
     word_or_count_field{&x.threads_env, {"auto", "off"}},
     {.positive = true},
     "Threads that OpenMP, OpenBLAS, MKL, numexpr and vecLib may use in a worker, said by "
     "`OMP_NUM_THREADS` and the like before anything is imported. `auto`: 1 with `process` and "
     "`async`; with `thread` the number of processors divided by all lanes of the pool, at least "
     "1. What "
     "`python.env` or the host's environment sets stays; if that is `OMP_NUM_THREADS`, which the "
     "others follow, nothing is set. `off`: nothing is set."},
    {"spawn",
     word_field{&x.spawn, {"template", "exec"}},
     {},
     "How workers are started: `template`, forked from a warm interpreter, or `exec`, each as a "
     "fresh one. Where forking is not safe the pool says so once and uses `exec`."},
    {"preload",
     texts_field{&x.preload},
     {},
     "Modules that the template imports before it forks; `adapter` stands for the pool's own."},
    {"workers",
     optional_count_field{&x.workers},
     {.positive = true},
     "Number of worker processes; with `autoscale.max` the number at the start. Without it: the "
     "number of processors, or `autoscale.min`."},
    {"min_ready",
     count_field{&x.min_ready},
     {.positive = true},
     "The pool is ready with this many workers."},
    {"max_workers",
     count_field{&x.max_workers},
     {.positive = true},
     "A larger `workers` is reduced to this, with a warning."},

    {"autoscale.min",
     count_field{&x.autoscale.min},
     {.positive = true},
     "The least workers that the pool has, if it is scaled."},
    {"autoscale.max",
     count_field{&x.autoscale.max},
     {},
     "The most. 0: the pool has `workers`, whatever the load."},
    {"autoscale.target_wait",
     duration_field{&x.autoscale.target_wait},
     {.positive = true},
     "A call that has waited for so long in the queue wants more workers."},
    {"autoscale.idle",
     duration_field{&x.autoscale.idle},
     {.positive = true, .infinite = true},
     "Workers that were not needed for so long are given up."},

    {"start.batch_size",
     count_field{&x.start.batch_size},
     {.positive = true},
     "Workers started at a time."},
    {"start.batch_delay", duration_field{&x.start.batch_delay}, {}, "Pause between two batches."},
    {"start.timeout",
     duration_field{&x.start.timeout},
     {.positive = true},
     "Time for one worker to become ready, import and initialize included."},

    {"queue.max_calls",
     count_field{&x.queue.max_calls},
     {.positive = true},
     "Calls that may wait; one more is refused at once."},
    {"queue.max_bytes",
     size_field{&x.queue.max_bytes},
     {.positive = true},
     "Bytes that waiting calls may hold together."},
    {"queue.timeout",
     optional_duration_field{&x.queue.timeout},
     {.positive = true, .infinite = true},
     "Longest wait in this pool's queue. Without it: `timeouts.queue`."},
    {"queue.prefetch_time",
     duration_field{&x.queue.prefetch_time},
     {},
     "How much foreseen work a worker may hold: enough to hide the way there and back."},
    {"queue.predict",
     flag_field{&x.queue.predict},
     {},
     "Refuse a call at once if those before it are foreseen to take longer than its deadline "
     "allows."},
    {"queue.ageing",
     duration_field{&x.queue.ageing},
     {},
     "For each priority below high a call is treated as if it had come this much later than it "
     "has."},

    {"restart.backoff",
     durations_field{&x.restart.backoff},
     {},
     "Pauses before the first, second, ... restart in a row of a worker; the last one stays."},
    {"restart.start_failures",
     count_field{&x.restart.start_failures},
     {.positive = true},
     "Failed starts in a row, with no worker ready, after which the pool counts as failed."},
    {"restart.retry_failed",
     duration_field{&x.restart.retry_failed},
     {.positive = true},
     "How often a failed pool tries again."},

    {"heartbeat.interval",
     duration_field{&x.heartbeat.interval},
     {.positive = true, .infinite = true},
     "How often a ready worker is asked whether it is there; one that runs no calls down to a "
     "quarter "
     "of that, but at least every `heartbeat.timeout`. `infinite`: never."},
    {"heartbeat.timeout",
     duration_field{&x.heartbeat.timeout},
     {.positive = true},
     "Without any sign of life for so long a heartbeat is missed, and the worker gets no new calls "
     "until there is one. Also the time that a health probe has."},
    {"heartbeat.misses",
     count_field{&x.heartbeat.misses},
     {.positive = true},
     "Misses in a row after which a worker counts as hung, if it runs no call or is stopped."},
    {"heartbeat.dependent",
     flag_field{&x.heartbeat.dependent},
     {},
     "Whether a worker that is hung or cannot run a probe is ended and replaced. `false`, as for "
     "work with a debugger: an event tells of it, and it gets no calls."},
    {"heartbeat.jitter",
     share_field{&x.heartbeat.jitter},
     {},
     "Intervals differ by up to this part, so that workers are not all asked at once."},
    {"heartbeat.gil_limit",
     duration_field{&x.heartbeat.gil_limit},
     {.positive = true, .infinite = true},
     "How long a call may keep its worker from answering by holding Python's lock. `infinite`: "
     "until the call's deadline."},
    {"health_interval",
     duration_field{&x.health_interval},
     {.positive = true, .infinite = true},
     "A worker's lane that has been idle for so long is proved by a probe. `infinite`: never."},
  };
  auto more = keys_of_trouble(x);
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

} // namespace snakepit::core
