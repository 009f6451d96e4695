#pragma once

#include "actors/core/memory_evidence.hpp"
#include "actors/core/stack_sample.hpp"

#include <snakepit/error.hpp>

#include <string>
#include <string_view>

namespace snakepit::core {

/// Why we ended a worker that hung.
inline constexpr auto because_heartbeat = "heartbeat";
inline constexpr auto because_health = "health";
/// Why we ended one that was replaced, without harm to any call.
inline constexpr auto because_recycle = "recycle";
/// Why we ended one that held more than `recycle.memory_hard`.
inline constexpr auto because_memory = "memory";

/// The phase of a worker that was told to end by itself.
inline constexpr auto stopping_phase = "stopping";

/// "SIGSEGV" for 11; "signal 99" for what has no name.
std::string signal_name(int number);

/// Fills in the cause of a certificate: `cause`, `exit_code`, `signal`, `signal_name`.
/// `ended_by_us` and `phase` must be set before: a kill of ours is told from anybody else's. It is
/// cleared if another end than ours was faster. `template_died`: how it ended is unknown, but not
/// why.
void judge(death_certificate& x, bool exited_known, int code, int signal,
           bool template_died = false);

/// Adds to the cause what there is to say besides: "ended by us: recycle (ttl)". After `judge`;
/// only if it was ended by us for `because`.
void explain(death_certificate& x, std::string_view because, std::string_view detail);

/// Fills in whether it was ended for want of memory, and who sent the signal; after `judge`, with
/// `max_rss_bytes` set.
void judge_memory(death_certificate& x, const memory_evidence& seen);

/// Fills in the stacks: those that `written` holds if a fatal signal ended it, else what `stderr`
/// holds of them; those that were `taken` if we ended it.
void attach_stacks(death_certificate& x, std::string_view written, std::string_view stderr_text,
                   const stack_report* taken);

/// "died by SIGSEGV", "exited with code 3", "was ended by us (deadline)", for the middle of a
/// sentence that begins with "the worker".
std::string describe_end(const death_certificate& x);

/// The error of a call whose run had begun when its worker ended: `worker_crashed`, or
/// `worker_hung` or `worker_killed` if it was us, then with the tool for which it was as the detail
/// "culprit" if several calls ran. `had_ended`: the run was over, only its result is lost.
error lost_call(std::string_view tool, std::shared_ptr<const death_certificate> x, bool had_ended);

/// A worker that had been ready has crashed: `worker_crashed`.
error lost_worker(std::shared_ptr<const death_certificate> x);

/// Whether starting again cannot but fail again: no such interpreter, an adapter that cannot be
/// imported, another version. What the system was short of, an exception in `initialize` and an end
/// without a word may pass.
bool is_for_good(const error& start_failure);

/// Whether a start failed since the machine, or a limit, had no room for it.
bool is_shortage(const error& start_failure);

/// Whether this failed greeting says only that the worker was lost: its exit status says more.
bool is_lost_start(const error& greeting);

/// The error of a start during which the process ended without saying why.
error lost_start(std::string_view phase, std::shared_ptr<const death_certificate> x);

} // namespace snakepit::core
