#pragma once

#include <snakepit/reasons.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace snakepit {

/// One line of a Python traceback.
struct python_frame {
  std::string file;
  uint32_t line = 0;
  std::string function;
  std::string text; ///< the source line, if it could be read
};

/// An exception that a tool raised.
struct python_error {
  std::string type; ///< qualified name of its class: "ValueError", "mylib.errors.Bad"
  std::string message;
  std::vector<python_frame> frames; ///< outermost first
  std::shared_ptr<const python_error> cause;
};

/// Why a worker process ended, and what it was doing.
struct death_certificate {
  std::string pool;
  uint32_t slot = 0;
  uint32_t generation = 0;
  int64_t pid = 0;
  /// "exit 3", "SIGSEGV", "ended by us: deadline", "unknown".
  std::string cause;
  std::optional<int> exit_code; ///< set if it exited
  int signal = 0;               ///< not 0 if a signal ended it
  std::string signal_name;      ///< "SIGSEGV"
  /// Why we ended it ("deadline", "cancel", "shutdown", "start", "protocol"), empty if we did not.
  std::string ended_by_us;
  /// Tool that ran when it died, empty if none. Of several the one for which we ended it, else the
  /// one of the first lane.
  std::string running_tool;
  /// If several calls ran: the tool of each.
  std::vector<std::string> running_tools;
  std::chrono::milliseconds age{0};
  uint64_t calls_done = 0;
  /// The end of what it wrote to stderr, 4 KiB at most.
  std::string last_stderr;
};

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
