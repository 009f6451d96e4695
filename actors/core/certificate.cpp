#include "actors/core/certificate_json.hpp"
#include "actors/core/exit_verdict.hpp"
#include "actors/core/stack_json.hpp"

#include <cstdio>

namespace snakepit {

namespace {

constexpr size_t stderr_lines = 12;
constexpr std::string_view indent = "\n  ";

std::string seconds(std::chrono::microseconds x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f s", x < std::chrono::seconds{10} ? 2 : 0,
                std::chrono::duration<double>(x).count());
  return text;
}

std::string count(uint64_t n, const std::string& what) {
  return std::to_string(n) + ' ' + what + (n == 1 ? "" : "s");
}

/// Each line of the text, further in.
std::string lines_of(std::string_view text) {
  auto out = std::string{};
  while (!text.empty()) {
    auto end = text.find('\n');
    out += indent;
    out += "  ";
    out += text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::string last_lines(const std::string& text) {
  auto end = text.size();
  while (end > 0 && text[end - 1] == '\n')
    --end;
  auto begin = end;
  for (size_t n = 0; begin > 0; --begin)
    if (text[begin - 1] == '\n' && ++n == stderr_lines)
      break;
  return text.substr(begin, end - begin);
}

std::string cause_line(const death_certificate& x) {
  auto out = x.cause;
  if (!x.sent_by.empty() && x.ended_by_us.empty())
    out += ", sent by " + x.sent_by;
  if (!x.oom.empty() && x.oom != "no")
    out += "; out of memory: " + x.oom + " (" + x.oom_evidence + ')';
  else if (!x.oom_evidence.empty())
    out += "; not for want of memory";
  return out;
}

std::string life_line(const death_certificate& x) {
  auto out = "lived " + seconds(x.age) + ", " + count(x.calls_done, "call") + " done, "
             + std::to_string(x.calls_in_flight) + " in flight";
  if (x.max_rss_bytes > 0)
    out += "; used " + seconds(x.user_time + x.system_time) + " of processors, "
           + std::to_string((x.max_rss_bytes + (1 << 19)) >> 20) + " MiB of memory at most";
  return out;
}

} // namespace

std::string to_text(const death_certificate& x, bool with_stderr) {
  auto out = "worker " + x.pool + '/' + std::to_string(x.slot) + '.' + std::to_string(x.generation);
  if (x.pid != 0)
    out += " (pid " + std::to_string(x.pid) + ')';
  out += ' ' + core::describe_end(x);
  out += std::string{indent} + "cause: " + cause_line(x);
  for (auto& call : x.running)
    out += std::string{indent} + "ran: `" + call.tool + "` for " + seconds(call.ran)
           + (call.calls > 1 ? ", " + std::to_string(call.calls) + " calls as one" : "")
           + (call.id != 0 ? " (call " + std::to_string(call.id) + ')' : "");
  out += std::string{indent} + life_line(x);
  if (!x.stacks.note.empty())
    out += std::string{indent} + x.stacks.note;
  if (auto stack = tool_stack(x.stacks); !stack.empty())
    out += std::string{indent} + "Python stack"
           + (x.stacks.fatal.empty() ? "" : " at the fatal error")
           + ", most recent call first:" + lines_of(stack);
  if (x.stacks.python.empty() || x.stacks.gil_held)
    if (!x.stacks.kernel.empty())
      out += std::string{indent} + "main thread: " + core::describe(x.stacks.kernel.front());
  if (with_stderr && !x.last_stderr.empty())
    out += std::string{indent} + "last words on stderr:" + lines_of(last_lines(x.last_stderr));
  return out;
}

std::string to_json(const death_certificate& x) {
  // Text of workers need not be UTF-8.
  return core::to_object(x).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

namespace core {

nlohmann::ordered_json to_object(const death_certificate& x) {
  using json = nlohmann::ordered_json;
  json result{{"id", x.id},   {"pool", x.pool},  {"slot", x.slot}, {"generation", x.generation},
              {"pid", x.pid}, {"cause", x.cause}};
  if (x.exit_code)
    result["exit_code"] = *x.exit_code;
  if (x.signal != 0) {
    result["signal"] = x.signal;
    result["signal_name"] = x.signal_name;
    result["sent_by"] = x.sent_by;
  }
  if (!x.ended_by_us.empty())
    result["ended_by_us"] = x.ended_by_us;
  result["oom"] = {{"verdict", x.oom}, {"evidence", x.oom_evidence}};
  if (!x.running_tool.empty())
    result["running_tool"] = x.running_tool;
  if (!x.running_tools.empty())
    result["running_tools"] = x.running_tools;
  result["running"] = json::array();
  for (auto& call : x.running) {
    auto one = json{{"tool", call.tool}, {"call", call.id}, {"ran_ms", call.ran.count()}};
    if (call.calls > 1)
      one["calls"] = call.calls;
    result["running"].push_back(std::move(one));
  }
  result["phase"] = x.phase;
  result["age_ms"] = x.age.count();
  result["calls_done"] = x.calls_done;
  result["calls_in_flight"] = x.calls_in_flight;
  result["user_us"] = x.user_time.count();
  result["system_us"] = x.system_time.count();
  result["max_rss_bytes"] = x.max_rss_bytes;
  if (!x.stacks.empty())
    result["stacks"] = to_object(x.stacks);
  result["last_stderr"] = x.last_stderr;
  return result;
}

} // namespace core

} // namespace snakepit
