#include "actors/core/exit_verdict.hpp"

#include <array>
#include <csignal>
#include <utility>

namespace snakepit::core {

namespace {

constexpr auto names = std::to_array<std::pair<int, const char*>>({
  {SIGHUP, "SIGHUP"},
  {SIGINT, "SIGINT"},
  {SIGQUIT, "SIGQUIT"},
  {SIGILL, "SIGILL"},
  {SIGTRAP, "SIGTRAP"},
  {SIGABRT, "SIGABRT"},
  {SIGBUS, "SIGBUS"},
  {SIGFPE, "SIGFPE"},
  {SIGKILL, "SIGKILL"},
  {SIGUSR1, "SIGUSR1"},
  {SIGSEGV, "SIGSEGV"},
  {SIGUSR2, "SIGUSR2"},
  {SIGPIPE, "SIGPIPE"},
  {SIGALRM, "SIGALRM"},
  {SIGTERM, "SIGTERM"},
  {SIGXCPU, "SIGXCPU"},
  {SIGXFSZ, "SIGXFSZ"},
  {SIGSYS, "SIGSYS"},
});

/// Python's faulthandler writes the stacks at these.
bool is_fatal(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL
         || signal == SIGABRT;
}

constexpr auto lost_template = "template_died";

} // namespace

std::string signal_name(int number) {
  for (auto& [value, name] : names)
    if (value == number)
      return name;
  return "signal " + std::to_string(number);
}

void judge(death_certificate& x, bool exited_known, int code, int signal, bool template_died) {
  // Ours are only these two: an end that was faster than our kill is the worker's own. With a code
  // it ends as we have told it, or by itself.
  auto killed = signal == SIGKILL || signal == SIGTERM;
  auto as_told = signal == 0 && x.phase == stopping_phase;
  if (exited_known && !killed && !as_told)
    x.ended_by_us.clear();
  if (exited_known && signal != 0) {
    x.signal = signal;
    x.signal_name = signal_name(signal);
  } else if (exited_known) {
    x.exit_code = code;
  }
  if (!x.ended_by_us.empty())
    x.cause = "ended by us: " + x.ended_by_us;
  else if (!exited_known)
    x.cause = template_died ? lost_template : "unknown";
  else if (signal != 0)
    x.cause = x.signal_name;
  else
    x.cause = "exit " + std::to_string(code);
}

void explain(death_certificate& x, std::string_view because, std::string_view detail) {
  if (!detail.empty() && x.ended_by_us == because)
    x.cause += " (" + std::string{detail} + ")";
}

void attach_stacks(death_certificate& x, std::string_view written, std::string_view stderr_text,
                   const stack_report* taken) {
  if (!x.ended_by_us.empty()) {
    if (taken)
      x.stacks = *taken;
    return;
  }
  if (!is_fatal(x.signal))
    return;
  // A process that a tool has forked may have written, too; the last one is the worker's.
  for (auto text : {written, stderr_text})
    if (x.stacks.fatal.empty())
      x.stacks = parse_stacks(text);
  if (x.stacks.fatal.empty()) {
    x.stacks = {};
    x.stacks.note = "Python wrote no stack: the signal came where its handler could not run.";
  }
}

std::string describe_end(const death_certificate& x) {
  if (!x.ended_by_us.empty())
    return "was ended by us (" + x.ended_by_us + ")";
  if (x.oom == "yes")
    return "was killed by the kernel for want of memory";
  if (x.signal == SIGXCPU)
    return "died by " + x.signal_name + ", its limit of processor time (limits.cpu_seconds)";
  if (x.signal != 0)
    return "died by " + x.signal_name + (x.oom == "likely" ? ", for want of memory, it seems" : "");
  if (x.exit_code)
    return "exited with code " + std::to_string(*x.exit_code);
  if (x.cause == lost_template)
    return "ended with the template that it was forked from";
  return "ended for an unknown reason";
}

error lost_call(std::string_view tool, std::shared_ptr<const death_certificate> x, bool had_ended) {
  auto ours = !x->ended_by_us.empty();
  // Another call may have been the cause, if only of the same tool.
  auto others =
    x->running_tools.size() > 1 && (x->ended_by_us == "deadline" || x->ended_by_us == "cancel");
  auto text =
    "the worker " + describe_end(*x) + (others ? " because of `" + x->running_tool + '`' : "")
    + (had_ended ? " before the result arrived of `" : " while it ran `") + std::string{tool} + "`";
  auto hung = x->ended_by_us == because_heartbeat || x->ended_by_us == because_health;
  auto result = error{hung   ? reason::worker_hung
                      : ours ? reason::worker_killed
                             : reason::worker_crashed,
                      std::move(text),
                      {{"tool", std::string{tool}}, {"cause", x->cause}}};
  if (ours)
    result.details.emplace("because", x->ended_by_us);
  if (others)
    result.details.emplace("culprit", x->running_tool);
  result.certificate = std::move(x);
  return result;
}

error lost_worker(std::shared_ptr<const death_certificate> x) {
  auto result =
    error{reason::worker_crashed, "the worker " + describe_end(*x), {{"cause", x->cause}}};
  result.certificate = std::move(x);
  return result;
}

bool is_for_good(const error& x) {
  if (x.details.count("errno") > 0)
    return !is_shortage(x);
  // Only what the worker said itself has a phase, and there it says whether to try again.
  if (x.details.count("phase") > 0)
    return !x.retryable;
  return x.reason == reason::protocol_error || x.reason == reason::duplicate_tool
         || x.reason == reason::invalid_name || x.reason == reason::invalid_argument;
}

bool is_shortage(const error& x) {
  if (auto i = x.details.find("errno"); i != x.details.end())
    return i->second == "EAGAIN" || i->second == "EMFILE" || i->second == "ENFILE"
           || i->second == "ENOMEM";
  auto phase = x.details.find("phase");
  return phase != x.details.end() && phase->second == "threads";
}

bool is_lost_start(const error& x) {
  // What the worker itself says has a phase.
  return x.reason == reason::worker_start_failed && x.details.count("phase") == 0;
}

error lost_start(std::string_view phase, std::shared_ptr<const death_certificate> x) {
  auto result = error{reason::worker_start_failed,
                      "the worker " + describe_end(*x) + " while it " + std::string{phase},
                      {{"cause", x->cause}}};
  result.certificate = std::move(x);
  return result;
}

} // namespace snakepit::core
