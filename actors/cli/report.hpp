#pragma once

#include <snakepit/call_receipt.hpp>
#include <snakepit/error.hpp>

#include <string>
#include <string_view>

namespace snakepit::cli {

/// What the command's exit code says.
enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_not_started = 3,
  exit_timed_out = 4,
  exit_no_daemon = 5,
  exit_signal = 128, ///< plus the signal's number
  exit_closed_stdout = 141,
};

/// The exit code that stands for a failure.
int exit_code_of(const error& x);

/// Whether the last output of a worker that ended is a part of its failure's report, or has been
/// shown as it came.
enum class last_words { told, shown_before };

/// What helps to understand the failure, each line further in and after an end of line: Python's
/// traceback, how the worker ended, where it was at the deadline. May be empty.
std::string explanation(const error& x, last_words words = last_words::told);

/// The failure for people: one line, then its explanation. No end of line at its end.
std::string describe(const error& x, last_words words = last_words::told);

/// Reports a failure: on stderr for people, or as one object on stdout. Returns the exit code.
int report(const error& x, bool json, last_words words = last_words::told);

/// The same where no reason of ours fits: the message alone, or an object with it.
int report_plain(const std::string& message, bool json, int code);

/// The same for a wrong command line.
int report_usage(const std::string& message, bool json);

/// Writes `line` and the end of a line to stdout. Returns the exit code: 0, 141 if nobody reads,
/// or 1 after having reported what went wrong.
int print(std::string_view line);

/// Tells on stderr what a call took: as a line, or as the object {"receipt": {...}}.
void tell_receipt(const call_receipt& x, bool json);

/// `text` as a JSON string, quotes included; what is not UTF-8 is replaced.
std::string json_string(std::string_view text);

} // namespace snakepit::cli
