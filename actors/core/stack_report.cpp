#include "actors/core/stack_json.hpp"
#include "actors/core/stack_sample.hpp"

#include <algorithm>

namespace snakepit {

namespace {

std::string line_of(const python_frame& x) {
  return "  File \"" + x.file + "\", line " + std::to_string(x.line) + ", in " + x.function + '\n';
}

/// How many of the innermost frames are neither the bridge's nor an import's; all if none are.
size_t own_frames(const python_thread& x) {
  if (x.runs_tool)
    return x.tool_frames;
  auto is_of_bridge = [](const python_frame& frame) {
    return frame.file.find("/snakepit_bridge/_") != std::string::npos;
  };
  auto bridge = std::find_if(x.frames.rbegin(), x.frames.rend(), is_of_bridge);
  auto own = static_cast<size_t>(bridge - x.frames.rbegin());
  // An import stands on what carries it out.
  while (own > 0 && x.frames[x.frames.size() - own].file.starts_with("<frozen "))
    --own;
  return own > 0 ? own : x.frames.size();
}

/// The threads whose stacks say what went on.
std::vector<const python_thread*> telling_threads(const stack_report& x) {
  auto out = std::vector<const python_thread*>{};
  for (auto& thread : x.python)
    if (!x.fatal.empty() && thread.current)
      return {&thread};
    else if (thread.runs_tool)
      out.push_back(&thread);
  if (out.empty() && !x.python.empty())
    out.push_back(&x.python.back());
  // Where tools are coroutines it is the main thread that executes one.
  std::stable_partition(out.begin(), out.end(), [](auto* one) { return one->main; });
  return out;
}

/// Those that run a tool come first, then the main thread.
std::vector<const python_thread*> by_interest(const stack_report& x) {
  auto out = std::vector<const python_thread*>{};
  for (auto& thread : x.python)
    out.push_back(&thread);
  auto rank = [](auto* thread) { return (thread->runs_tool ? 0 : 2) + (thread->main ? 0 : 1); };
  std::stable_sort(out.begin(), out.end(), [&](auto* a, auto* b) { return rank(a) < rank(b); });
  return out;
}

} // namespace

std::string to_string(const stack_report& x) {
  auto out = std::string{};
  if (!x.fatal.empty())
    out += "Fatal Python error: " + x.fatal + '\n';
  if (!x.note.empty())
    out += x.note + '\n';
  for (auto* one : by_interest(x)) {
    auto& thread = *one;
    out += thread.name.empty() ? "Thread" : "Thread `" + thread.name + '`';
    if (thread.main)
      out += " (main)";
    out += thread.runs_tool ? ", runs a tool" : "";
    out += ", most recent call first:\n";
    for (size_t i = thread.frames.size(); i > 0; --i)
      out += line_of(thread.frames[i - 1]);
    if (thread.cut)
      out += "  ...\n";
  }
  if (!x.kernel.empty())
    out += "The kernel's view:\n";
  for (auto& thread : x.kernel)
    out +=
      "  " + std::to_string(thread.id) + ' ' + thread.name + ": " + core::describe(thread) + '\n';
  return out;
}

std::string tool_stack(const stack_report& x, size_t lines) {
  auto out = std::string{};
  auto threads = telling_threads(x);
  for (auto* thread : threads) {
    if (threads.size() > 1 && lines > 0) {
      out += "Thread " + (thread->name.empty() ? std::to_string(thread->id) : thread->name) + ":\n";
      --lines;
    }
    auto& frames = thread->frames;
    auto count = own_frames(*thread);
    auto shown = std::min(count, lines);
    for (size_t i = 0; i < shown; ++i)
      out += line_of(frames[frames.size() - 1 - i]);
    if (shown < count) {
      out += "  ... (" + std::to_string(count - shown) + " more)\n";
      break;
    }
    lines -= shown;
  }
  return out;
}

std::string to_json(const stack_report& x) {
  // Text of workers need not be UTF-8.
  return core::to_object(x).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace snakepit

namespace snakepit::core {

namespace {

/// Where to look for what holds the GIL: what the tool has called last.
std::string place_of(const stack_report& x) {
  auto threads = telling_threads(x);
  if (threads.empty() || threads.front()->frames.empty())
    return {};
  auto& frame = threads.front()->frames.back();
  return " called at " + frame.file + ':' + std::to_string(frame.line) + " in " + frame.function;
}

/// Whether the watch thread has waited for the GIL, and long enough: Python code lets go of it
/// after five milliseconds. One that runs waits for a processor.
bool holds_gil(const stack_sample& x) {
  constexpr std::chrono::milliseconds enough{30};
  auto is_busy = [](auto& thread) {
    return thread.name == watch_thread_name && thread.state == 'R';
  };
  return x.why_not == stack_sample::obstacle::none && x.gil_asked && !x.gil_free
         && x.waited >= enough && std::none_of(x.threads.begin(), x.threads.end(), is_busy);
}

std::string note_of(const stack_sample& x, const stack_report& report) {
  using obstacle = stack_sample::obstacle;
  auto time = std::to_string(x.waited.count()) + " ms";
  switch (x.why_not) {
  case obstacle::gone:
    return "The process had ended.";
  case obstacle::stopped:
    return "The process is stopped (by SIGSTOP or a debugger), so Python cannot say what it does.";
  case obstacle::not_ready:
    return "Python cannot say what it does: it has not yet got so far, or a tool has taken the "
           "handler "
           "of the signal away.";
  case obstacle::none:
    break;
  }
  if (report.gil_held)
    return "The GIL is held by C code" + place_of(report) + ": no Python code could run for " + time
           + '.';
  auto blocked = !x.threads.empty() && x.threads.front().state == 'D';
  if (report.python.empty())
    return "Python did not say within " + time + " what it does"
           + (blocked ? ": it is in a wait of the kernel that nothing can disturb." : ".");
  return {};
}

} // namespace

std::string describe(const kernel_thread& x) {
  switch (x.state) {
  case 'R':
    return "runs";
  case 'S':
    return x.waits_in.empty() ? "waits" : "waits in " + x.waits_in;
  case 'D':
    return "waits in " + (x.waits_in.empty() ? "the kernel" : x.waits_in) + ", cannot be disturbed";
  case 'T':
  case 't':
    return "is stopped";
  case 'Z':
  case 'X':
    return "has ended";
  default:
    return std::string{"state "} + x.state;
  }
}

stack_report report_of(const stack_sample& x) {
  auto out = parse_stacks(x.text);
  out.fatal.clear(); // of a child's, or of an end that has its own report
  out.kernel = x.threads;
  out.gil_held = holds_gil(x);
  out.note = note_of(x, out);
  return out;
}

nlohmann::ordered_json to_object(const python_frame& x) {
  return {{"file", x.file}, {"line", x.line}, {"function", x.function}, {"text", x.text}};
}

nlohmann::ordered_json to_brief_object(const stack_report& x) {
  auto brief = x;
  auto kept = telling_threads(x);
  std::erase_if(brief.python, [&](auto& one) {
    return std::none_of(kept.begin(), kept.end(), [&](auto* other) { return other->id == one.id; });
  });
  if (!x.gil_held && !x.python.empty())
    brief.kernel.clear();
  return to_object(brief);
}

nlohmann::ordered_json to_object(const stack_report& x) {
  using json = nlohmann::ordered_json;
  auto out = json::object();
  if (!x.fatal.empty())
    out["fatal"] = x.fatal;
  if (!x.note.empty())
    out["note"] = x.note;
  out["gil_held"] = x.gil_held;
  out["threads"] = json::array();
  for (auto& thread : x.python) {
    auto one = json{{"id", thread.id}};
    if (!thread.name.empty())
      one["name"] = thread.name;
    one["main"] = thread.main;
    one["current"] = thread.current;
    one["runs_tool"] = thread.runs_tool;
    one["frames"] = json::array();
    for (auto& frame : thread.frames)
      one["frames"].push_back(
        {{"file", frame.file}, {"line", frame.line}, {"function", frame.function}});
    out["threads"].push_back(std::move(one));
  }
  out["kernel"] = json::array();
  for (auto& thread : x.kernel)
    out["kernel"].push_back({{"id", thread.id},
                             {"name", thread.name},
                             {"state", std::string{thread.state}},
                             {"waits_in", thread.waits_in}});
  return out;
}

} // namespace snakepit::core
