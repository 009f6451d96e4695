#include "actors/core/utf8.hpp"
#include "actors/io/control_codec.hpp"
#include "snakepit.pb.h"

/// Errors, and what explains them: certificates and stacks.

namespace snakepit::io {

namespace {

/// A chain of causes may be as long as the tool likes.
constexpr size_t most_causes = 16;

void encode(v1::Frame& to, const python_frame& x) {
  to.set_file(as_utf8(x.file));
  to.set_line(x.line);
  to.set_function(as_utf8(x.function));
  to.set_text(as_utf8(x.text));
}

python_frame decode(const v1::Frame& x) {
  return {x.file(), x.line(), x.function(), x.text()};
}

void encode(v1::PythonError& to, const python_error& x, size_t causes_left) {
  to.set_type(as_utf8(x.type));
  to.set_message(as_utf8(x.message));
  for (auto& frame : x.frames)
    encode(*to.add_frames(), frame);
  if (x.cause && causes_left > 0)
    encode(*to.mutable_cause(), *x.cause, causes_left - 1);
}

python_error decode(const v1::PythonError& x, size_t causes_left) {
  auto out = python_error{x.type(), x.message(), {}, {}};
  for (auto& frame : x.frames())
    out.frames.push_back(decode(frame));
  if (x.has_cause() && causes_left > 0)
    out.cause = std::make_shared<python_error>(decode(x.cause(), causes_left - 1));
  return out;
}

void encode(v1::PythonThread& to, const python_thread& x) {
  to.set_id(x.id);
  to.set_name(as_utf8(x.name));
  to.set_main(x.main);
  to.set_current(x.current);
  to.set_runs_tool(x.runs_tool);
  to.set_tool_frames(static_cast<uint32_t>(x.tool_frames));
  for (auto& frame : x.frames)
    encode(*to.add_frames(), frame);
  to.set_cut(x.cut);
}

python_thread decode(const v1::PythonThread& x) {
  auto out = python_thread{};
  out.id = x.id();
  out.name = x.name();
  out.main = x.main();
  out.current = x.current();
  out.runs_tool = x.runs_tool();
  out.tool_frames = x.tool_frames();
  for (auto& frame : x.frames())
    out.frames.push_back(decode(frame));
  out.cut = x.cut();
  return out;
}

} // namespace

std::string as_utf8(std::string_view x) {
  auto out = std::string{};
  out.reserve(x.size());
  for (size_t at = 0; at < x.size();) {
    auto length = core::utf8_sequence(x, at);
    out += length == 0 ? std::string_view{"\xef\xbf\xbd"} : x.substr(at, length);
    at += std::max<size_t>(length, 1);
  }
  return out;
}

void encode(v1::Error& to, const error& x) {
  to.set_category(std::string{to_string(x.category())});
  to.set_reason(std::string{to_string(x.reason)});
  to.set_message(as_utf8(x.message));
  to.set_retryable(x.retryable);
  for (auto& [name, fact] : x.details)
    (*to.mutable_details())[as_utf8(name)] = as_utf8(fact);
  if (x.python)
    encode(*to.mutable_python(), *x.python, most_causes);
  if (x.certificate)
    encode(*to.mutable_certificate(), *x.certificate);
  if (x.stacks)
    encode(*to.mutable_stacks(), *x.stacks);
}

error decode(const v1::Error& x) {
  auto known = find_reason(x.reason());
  auto out = error{known.value_or(reason::internal), x.message()};
  if (!known) // a daemon of a later version may have one more
    out.details.emplace("reason", x.reason());
  out.retryable = x.retryable();
  for (auto& [name, fact] : x.details())
    out.details.emplace(name, fact);
  if (x.has_python())
    out.python = decode(x.python(), most_causes);
  if (x.has_certificate())
    out.certificate = std::make_shared<death_certificate>(decode(x.certificate()));
  if (x.has_stacks())
    out.stacks = std::make_shared<stack_report>(decode(x.stacks()));
  return out;
}

void encode(v1::Certificate& to, const death_certificate& x) {
  to.set_id(as_utf8(x.id));
  to.set_pool(as_utf8(x.pool));
  to.set_slot(x.slot);
  to.set_generation(x.generation);
  to.set_pid(x.pid);
  to.set_cause(as_utf8(x.cause));
  if (x.exit_code)
    to.set_exit_code(*x.exit_code);
  to.set_signal(x.signal);
  to.set_signal_name(as_utf8(x.signal_name));
  to.set_sent_by(as_utf8(x.sent_by));
  to.set_oom(as_utf8(x.oom));
  to.set_oom_evidence(as_utf8(x.oom_evidence));
  to.set_ended_by_us(as_utf8(x.ended_by_us));
  to.set_running_tool(as_utf8(x.running_tool));
  for (auto& tool : x.running_tools)
    to.add_running_tools(as_utf8(tool));
  for (auto& call : x.running) {
    auto& one = *to.add_running();
    one.set_tool(as_utf8(call.tool));
    one.set_id(call.id);
    one.set_ran_ms(static_cast<uint64_t>(std::max<int64_t>(call.ran.count(), 0)));
    one.set_calls(call.calls);
  }
  to.set_phase(as_utf8(x.phase));
  to.set_age_ms(static_cast<uint64_t>(std::max<int64_t>(x.age.count(), 0)));
  to.set_calls_done(x.calls_done);
  to.set_calls_in_flight(x.calls_in_flight);
  to.set_user_us(static_cast<uint64_t>(std::max<int64_t>(x.user_time.count(), 0)));
  to.set_system_us(static_cast<uint64_t>(std::max<int64_t>(x.system_time.count(), 0)));
  to.set_max_rss_bytes(x.max_rss_bytes);
  if (!x.stacks.empty())
    encode(*to.mutable_stacks(), x.stacks);
  to.set_last_stderr(x.last_stderr);
}

death_certificate decode(const v1::Certificate& x) {
  auto out = death_certificate{};
  out.id = x.id();
  out.pool = x.pool();
  out.slot = x.slot();
  out.generation = x.generation();
  out.pid = x.pid();
  out.cause = x.cause();
  if (x.has_exit_code())
    out.exit_code = x.exit_code();
  out.signal = x.signal();
  out.signal_name = x.signal_name();
  out.sent_by = x.sent_by();
  out.oom = x.oom();
  out.oom_evidence = x.oom_evidence();
  out.ended_by_us = x.ended_by_us();
  out.running_tool = x.running_tool();
  out.running_tools = {x.running_tools().begin(), x.running_tools().end()};
  for (auto& call : x.running())
    out.running.push_back({call.tool(), call.id(), std::chrono::milliseconds{call.ran_ms()},
                           std::max<uint32_t>(call.calls(), 1)});
  out.phase = x.phase();
  out.age = std::chrono::milliseconds{x.age_ms()};
  out.calls_done = x.calls_done();
  out.calls_in_flight = x.calls_in_flight();
  out.user_time = std::chrono::microseconds{x.user_us()};
  out.system_time = std::chrono::microseconds{x.system_us()};
  out.max_rss_bytes = x.max_rss_bytes();
  if (x.has_stacks())
    out.stacks = decode(x.stacks());
  out.last_stderr = x.last_stderr();
  return out;
}

void encode(v1::Stacks& to, const stack_report& x) {
  for (auto& thread : x.python)
    encode(*to.add_python(), thread);
  for (auto& thread : x.kernel) {
    auto& one = *to.add_kernel();
    one.set_id(thread.id);
    one.set_name(as_utf8(thread.name));
    one.set_state(as_utf8({&thread.state, 1}));
    one.set_waits_in(as_utf8(thread.waits_in));
  }
  to.set_fatal(as_utf8(x.fatal));
  to.set_note(as_utf8(x.note));
  to.set_gil_held(x.gil_held);
}

stack_report decode(const v1::Stacks& x) {
  auto out = stack_report{};
  for (auto& thread : x.python())
    out.python.push_back(decode(thread));
  for (auto& thread : x.kernel())
    out.kernel.push_back({thread.id(), thread.name(),
                          thread.state().size() == 1 ? thread.state()[0] : '?', thread.waits_in()});
  out.fatal = x.fatal();
  out.note = x.note();
  out.gil_held = x.gil_held();
  return out;
}

} // namespace snakepit::io
