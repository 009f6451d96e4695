#include "actors/cli/report.hpp"

#include "actors/cli/line_writer.hpp"

#include <snakepit/json.hpp>

#include <cerrno>
#include <unistd.h>

namespace snakepit::cli {

namespace {

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto end = text.find('\n');
    out += "\n  ";
    out += text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::string traceback(const python_error& x) {
  std::string out;
  if (x.cause)
    out += traceback(*x.cause)
           + "\nThe above exception was the direct cause of the following exception:\n\n";
  if (!x.frames.empty())
    out += "Traceback (most recent call last):\n";
  for (auto& frame : x.frames) {
    out += "  File \"" + frame.file + "\", line " + std::to_string(frame.line) + ", in "
           + frame.function + '\n';
    if (!frame.text.empty())
      out += "    " + frame.text + '\n';
  }
  return out + x.type + (x.message.empty() ? "" : ": " + x.message) + '\n';
}

/// Not of a worker that has said itself why it cannot start.
bool explains(const death_certificate& x) {
  constexpr int refused = 70;
  return !x.cause.empty() && x.exit_code != refused;
}

std::string at_deadline(const stack_report& x) {
  auto out = x.note.empty() ? std::string{} : x.note + '\n';
  if (auto stack = tool_stack(x); !stack.empty())
    out += "At the deadline the worker was here, most recent call first:\n" + stack;
  return out;
}

void write_line(int fd, std::string_view text) {
  line_writer out{fd};
  out.append(text);
  out.flush();
}

} // namespace

int exit_code_of(const error& x) {
  switch (x.reason) {
  case reason::invalid_config:
    return exit_usage;
  case reason::pool_failed:
  case reason::pool_not_ready:
  case reason::worker_start_failed:
  case reason::start_timeout:
    return exit_not_started;
  default:
    return x.category() == category::timeout ? exit_timed_out : exit_failed;
  }
}

std::string describe(const error& x, last_words words) {
  return "snakepit: " + to_string(x) + explanation(x, words);
}

std::string explanation(const error& x, last_words words) {
  auto out = std::string{};
  if (x.python && (!x.python->frames.empty() || x.python->cause))
    out += indented(traceback(*x.python));
  auto told = words == last_words::told;
  if (x.certificate && explains(*x.certificate))
    out += indented(to_text(*x.certificate, told));
  else if (told && x.certificate && !x.certificate->last_stderr.empty())
    out += "\n  The worker's last words:" + indented(x.certificate->last_stderr);
  else if (x.stacks)
    out += indented(at_deadline(*x.stacks));
  return out;
}

int report(const error& x, bool json, last_words words) {
  if (json)
    write_line(STDOUT_FILENO, "{\"error\": " + to_json(x) + "}");
  else
    write_line(STDERR_FILENO, describe(x, words));
  return exit_code_of(x);
}

int report_plain(const std::string& message, bool json, int code) {
  if (json)
    report({reason::invalid_argument, message}, true);
  else
    write_line(STDERR_FILENO, "snakepit: " + message);
  return code;
}

int report_usage(const std::string& message, bool json) {
  return report_plain(message, json, exit_usage);
}

int print(std::string_view line) {
  line_writer out{STDOUT_FILENO};
  out.append(line);
  if (out.flush())
    return exit_ok;
  if (out.error_number() == EPIPE)
    return exit_closed_stdout;
  write_line(STDERR_FILENO, "snakepit: cannot write to stdout: " + out.error_text());
  return exit_failed;
}

void tell_receipt(const call_receipt& x, bool json) {
  write_line(STDERR_FILENO,
             json ? "{\"receipt\": " + to_json(x) + "}" : "snakepit: receipt: " + to_string(x));
}

std::string json_string(std::string_view text) {
  if (auto exact = to_json(value{text}))
    return *exact;
  std::string ascii;
  for (char c : text)
    ascii += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return to_json(value{ascii}).value_or("\"?\"");
}

} // namespace snakepit::cli
