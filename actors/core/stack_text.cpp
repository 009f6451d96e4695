#include "actors/core/stack_sample.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace snakepit::core {

namespace {

constexpr size_t max_word = 512;

/// A text of the worker's, harmless and not too long.
std::string word(std::string_view x) {
  auto out = std::string{x.substr(0, max_word)};
  auto odd = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  std::replace_if(out.begin(), out.end(), odd, '?');
  return out;
}

bool take_prefix(std::string_view& x, std::string_view prefix) {
  if (!x.starts_with(prefix))
    return false;
  x.remove_prefix(prefix.size());
  return true;
}

/// "Thread 0x00007f14 [name] (most recent call first):", also "Current thread ...".
bool read_thread(std::string_view line, python_thread& to) {
  to.current = line.starts_with("Current");
  if (!take_prefix(line, "Thread 0x") && !take_prefix(line, "Current thread 0x"))
    return false;
  auto [end, bad] = std::from_chars(line.data(), line.data() + line.size(), to.id, 16);
  if (bad != std::errc{})
    return false;
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  auto stop = line.find(']');
  if (take_prefix(line, " [") && stop != std::string_view::npos)
    to.name = word(line.substr(0, line.find(']')));
  return true;
}

/// `  File "PATH", line N in FUNCTION`; path, line and function may each be unknown: "???".
bool read_frame(std::string_view line, python_frame& to) {
  if (!take_prefix(line, "  File "))
    return false;
  constexpr std::string_view before_line = ", line ";
  auto at = line.rfind(before_line);
  if (at == std::string_view::npos)
    return false;
  auto file = line.substr(0, at);
  if (file.size() >= 2 && file.front() == '"' && file.back() == '"')
    file = file.substr(1, file.size() - 2);
  auto rest = line.substr(at + before_line.size());
  auto in = rest.find(" in ");
  if (in == std::string_view::npos)
    return false;
  std::from_chars(rest.data(), rest.data() + in, to.line);
  to.file = word(file);
  to.function = word(rest.substr(in + 4));
  return true;
}

bool is_of_bridge(const python_frame& x) {
  return x.file.find("/snakepit_bridge/_") != std::string::npos;
}

/// What calls a tool; see python/src/snakepit_bridge/_interrupt.py and _loop_lane.py.
bool calls_tool(const python_frame& x) {
  return (x.function == "enter" && x.file.ends_with("/snakepit_bridge/_interrupt.py"))
         || (x.function == "call_tool" && x.file.ends_with("/snakepit_bridge/_loop_lane.py"));
}

/// Of frames that stand innermost first.
void find_tool(python_thread& x) {
  auto& frames = x.frames;
  auto call = std::find_if(frames.begin(), frames.end(), calls_tool);
  if (call == frames.end())
    return;
  while (call != frames.begin() && is_of_bridge(*(call - 1)))
    --call; // between the lane and the tool
  x.tool_frames = static_cast<size_t>(call - frames.begin());
  x.runs_tool = x.tool_frames > 0;
}

/// Puts threads together; each is done when the next begins.
class collector {
public:
  void begin(python_thread x) {
    end();
    now_ = std::move(x);
    open_ = true;
  }

  void add(python_frame x) {
    if (!open_)
      return;
    if (now_.frames.size() < max_stack_frames)
      now_.frames.push_back(std::move(x));
    else
      now_.cut = true;
  }

  void cut() {
    now_.cut = true;
  }

  void clear() {
    open_ = false;
    out_.clear();
  }

  std::vector<python_thread> finish() {
    end();
    if (!out_.empty())
      out_.back().main = true; // Python lists its newest thread first
    return std::move(out_);
  }

private:
  void end() {
    if (!std::exchange(open_, false))
      return;
    find_tool(now_);
    std::reverse(now_.frames.begin(), now_.frames.end());
    std::erase_if(out_, [this](auto& x) { return x.id == now_.id; });
    if (out_.size() < max_stack_threads)
      out_.push_back(std::move(now_));
  }

  std::vector<python_thread> out_;
  python_thread now_;
  bool open_ = false;
};

} // namespace

stack_report parse_stacks(std::string_view text) {
  constexpr std::string_view fatal = "Fatal Python error: ";
  auto out = stack_report{};
  auto threads = collector{};
  if (text.size() > max_stack_text)
    text.remove_prefix(text.size() - max_stack_text);
  while (!text.empty()) {
    auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    auto thread = python_thread{};
    auto frame = python_frame{};
    if (take_prefix(line, fatal)) {
      out.fatal = word(line);
      threads.clear();
    } else if (read_thread(line, thread)) {
      threads.begin(std::move(thread));
    } else if (line == "  ...") {
      threads.cut();
    } else if (read_frame(line, frame)) {
      threads.add(std::move(frame));
    }
  }
  out.python = threads.finish();
  return out;
}

bool ends_whole(std::string_view text) {
  if (!text.ends_with('\n'))
    return false;
  text.remove_suffix(1);
  auto line = text.substr(text.rfind('\n') + 1);
  auto frame = python_frame{};
  if (!read_frame(line, frame))
    return line.ends_with("...") || line.ends_with("<no Python frame>");
  return frame.function == "<module>" || frame.function == "_run_module_as_main";
}

} // namespace snakepit::core
