#pragma once

#include <snakepit/python_frame.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace snakepit {

/// A thread of a worker as Python sees it.
struct python_thread {
  uint64_t id = 0;  ///< as `threading.get_ident()` says
  std::string name; ///< empty before Python 3.14
  bool main = false;
  /// The signal came on it; at a fatal error it is the one that made it.
  bool current = false;
  /// A tool runs on it; then `tool_frames` of its frames, the innermost, are the tool's.
  bool runs_tool = false;
  size_t tool_frames = 0;
  /// Outermost first; the innermost 128 at most. `text` is empty.
  std::vector<python_frame> frames;
  bool cut = false; ///< there are more frames, further out
};

/// A thread of a worker as the kernel sees it.
struct kernel_thread {
  int64_t id = 0; ///< the process's own number for the main thread
  std::string name;
  /// As in /proc: R runs, S waits, D waits and cannot be disturbed, T is stopped, t is traced.
  char state = '?';
  /// What it waits in: a system call ("clock_nanosleep") or a place in the kernel; may be empty.
  std::string waits_in;
};

/// What a worker was doing, all threads of it.
struct stack_report {
  /// The threads that run Python; empty if it could not say.
  std::vector<python_thread> python;
  /// Each thread, the main one first; 64 at most. Empty if they were not asked for.
  std::vector<kernel_thread> kernel;
  /// The fatal error during which Python wrote it: "Segmentation fault".
  std::string fatal;
  /// For people: why there is nothing, or what is remarkable. May be empty.
  std::string note;
  /// No Python code could run while this was taken: C code does not let go of the GIL.
  bool gil_held = false;

  bool empty() const noexcept {
    return python.empty() && kernel.empty() && fatal.empty() && note.empty();
  }
};

/// As Python prints it: one thread after the other, "most recent call first", those that run a tool
/// before the main thread and that before the rest; the notes before and the kernel's view after.
/// Each line ends.
std::string to_string(const stack_report& x);

/// The stack of the tool that runs, or else of the main thread, most recent call first, without
/// what stands below the tool; at most `lines` lines, each with its end. Empty if it is not known.
std::string tool_stack(const stack_report& x, size_t lines = 12);

/// As JSON, an object.
std::string to_json(const stack_report& x);

} // namespace snakepit
