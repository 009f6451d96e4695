#pragma once

#include <snakepit/python_frame.hpp>
#include <snakepit/reasons.hpp>
#include <snakepit/stacks.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace snakepit {

/// An exception that a tool raised.
struct python_error {
  std::string type; ///< qualified name of its class: "ValueError", "mylib.errors.Bad"
  std::string message;
  std::vector<python_frame> frames; ///< outermost first
  std::shared_ptr<const python_error> cause;
};

/// A call that ran when its worker ended.
struct running_call {
  std::string tool;
  uint64_t id = 0;                  ///< as `call_handle::id` says
  std::chrono::milliseconds ran{0}; ///< since its run began
  uint32_t calls = 1;               ///< that ran as one with it, itself included
};

/// Why a worker process ended, and what it was doing.
struct death_certificate {
  /// Unlike that of any other worker: "RUN/POOL/SLOT.GENERATION".
  std::string id;
  std::string pool;
  uint32_t slot = 0;
  uint32_t generation = 0;
  int64_t pid = 0;
  /// "exit 3", "SIGSEGV", "out of memory", "ended by us: deadline", "ended by us: recycle (ttl)",
  /// "template_died", "unknown".
  std::string cause;
  std::optional<int> exit_code; ///< set if it exited
  int signal = 0;               ///< not 0 if a signal ended it
  std::string signal_name;      ///< "SIGSEGV"
  /// Who sent the signal, as far as can be told: "us", "the kernel, for want of memory"; empty if
  /// no signal ended it.
  std::string sent_by;
  /// Whether the kernel ended it for want of memory: "no", "yes", "likely" or "unknown".
  std::string oom;
  /// What that rests on.
  std::string oom_evidence;
  /// Why we ended it ("deadline", "cancel", "shutdown", "start", "protocol", "heartbeat",
  /// "health", "recycle", "memory"), empty if we did not.
  std::string ended_by_us;
  /// Tool that ran when it died, empty if none. Of several the one for which we ended it, else the
  /// one of the first lane.
  std::string running_tool;
  /// If several calls ran: the tool of each.
  std::vector<std::string> running_tools;
  /// The calls that ran, the one of `running_tool` first.
  std::vector<running_call> running;
  /// How far it had come: spawning, binding, greeting, probing, ready or stopping.
  std::string phase;
  std::chrono::milliseconds age{0};
  uint64_t calls_done = 0;
  /// Calls that it had been given and that were not done, those that ran included.
  uint64_t calls_in_flight = 0;
  /// What it used of processors; 0 if not known, as `max_rss_bytes` is.
  std::chrono::microseconds user_time{0};
  std::chrono::microseconds system_time{0};
  /// The most memory that it had at a time, resident.
  uint64_t max_rss_bytes = 0;
  /// The stacks of its threads: at a fatal signal, or just before we ended it.
  stack_report stacks;
  /// The end of what it wrote to stderr, 4 KiB at most.
  std::string last_stderr;
};

/// The certificate for people: a line that says how it ended, then indented lines. No end of line
/// at its end. `with_stderr`: also what it wrote to stderr.
std::string to_text(const death_certificate& x, bool with_stderr = true);

/// The certificate as JSON, an object.
std::string to_json(const death_certificate& x);

struct call_receipt;

/// One failure, everywhere: of a call, a worker, a pool, a configuration.
struct error {
  snakepit::reason reason = snakepit::reason::internal;
  /// For people; one line, names what is wrong.
  std::string message;
  /// Whether the very same call may be tried again.
  bool retryable = false;
  /// Facts by name, e.g. {"tool", "parse"}, {"path", "$.items[3]"}, {"retry_after", "12ms"}.
  std::map<std::string, std::string> details;
  std::optional<python_error> python;
  std::shared_ptr<const death_certificate> certificate;
  /// What the worker did when the call's deadline passed, as far as it said so in time. Of a call
  /// that ran then, with stacks or without, the detail "certificate_id" names the certificate that
  /// there will be if the worker has to be ended.
  std::shared_ptr<const stack_report> stacks;
  /// Of a call that was admitted: what it took all the same.
  std::shared_ptr<const call_receipt> receipt;

  error() = default;
  error(snakepit::reason why, std::string text, std::map<std::string, std::string> facts = {})
    : reason{why}, message{std::move(text)}, retryable{retry_of(why) == retry::always},
      details{std::move(facts)} {}

  snakepit::category category() const noexcept {
    return category_of(reason);
  }
};

template <class T>
using result = tl::expected<T, error>;

/// Shorthand for returning a failure from a function that returns a `result`.
inline tl::unexpected<error> fail(reason why, std::string text,
                                  std::map<std::string, std::string> facts = {}) {
  return tl::unexpected<error>{error{why, std::move(text), std::move(facts)}};
}

/// The error as JSON, the object that `--json` prints:
/// {"category": ..., "reason": ..., "message": ..., "retryable": ..., "details": {...}, ...}.
std::string to_json(const error& x);

/// The error in one line: "worker_crashed: the worker died by SIGSEGV while it ran `boom`".
std::string to_string(const error& x);

} // namespace snakepit
