#pragma once

#include <snakepit/stacks.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit::core {

/// The name that a worker's watch thread gives itself; python/src/snakepit_bridge/_watch.py.
inline constexpr std::string_view watch_thread_name = "snakepit-watch";

/// What could be seen of a worker from outside when its stacks were asked for.
struct stack_sample {
  /// Why it was not asked.
  enum class obstacle {
    none,
    gone,      ///< it has ended
    stopped,   ///< by SIGSTOP or a debugger
    not_ready, ///< it handles no such signal: it has not begun to, or a tool has taken that away
  };

  obstacle why_not = obstacle::none;
  /// What it wrote. Not to be trusted.
  std::string text;
  /// It is all that it wrote, as far as can be told.
  bool complete = false;
  /// Its watch thread was asked to answer, which takes the GIL...
  bool gil_asked = false;
  /// ... and did.
  bool gil_free = false;
  /// Since it was asked.
  std::chrono::milliseconds waited{0};
  std::vector<kernel_thread> threads;
};

/// Reads what Python's faulthandler writes: threads, their frames outermost first, and the fatal
/// error, if there is one, with those after the last one only. Whatever the text is: at most
/// `max_threads` threads and the innermost `max_frames` frames of each, their texts cut and free of
/// control characters; what makes no sense is skipped. Of a thread that comes twice the last
/// counts.
stack_report parse_stacks(std::string_view text);

/// Whether a dump of all threads seems to have been written to its end. faulthandler writes the
/// main thread last and its outermost frame at the end, which is a module's, or says that it wrote
/// no more. A dump that is not whole may still be on its way: what writes it can be without a
/// processor for long.
bool ends_whole(std::string_view text);

inline constexpr size_t max_stack_threads = 128;
inline constexpr size_t max_stack_frames = 128;
inline constexpr size_t max_stack_text = size_t{256} * 1024;

/// The report of a sample: its text parsed, and what is remarkable noted in words.
stack_report report_of(const stack_sample& x);

/// What the kernel says of a thread, in words: "running", "stopped", "waits in futex (Python's
/// GIL, a lock)".
std::string describe(const kernel_thread& x);

} // namespace snakepit::core
