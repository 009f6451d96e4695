#include <snakepit/error.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace snakepit {

namespace {

using json = nlohmann::ordered_json;

json to_object(const python_frame& x) {
  return {{"file", x.file}, {"line", x.line}, {"function", x.function}, {"text", x.text}};
}

json to_object(const python_error& x, int causes_left) {
  json result{{"type", x.type}, {"message", x.message}, {"traceback", json::array()}};
  for (auto& frame : x.frames)
    result["traceback"].push_back(to_object(frame));
  if (x.cause && causes_left > 0)
    result["cause"] = to_object(*x.cause, causes_left - 1);
  return result;
}

json to_object(const death_certificate& x) {
  json result{{"pool", x.pool},
              {"slot", x.slot},
              {"generation", x.generation},
              {"pid", x.pid},
              {"cause", x.cause}};
  if (x.exit_code)
    result["exit_code"] = *x.exit_code;
  if (x.signal != 0) {
    result["signal"] = x.signal;
    result["signal_name"] = x.signal_name;
  }
  if (!x.ended_by_us.empty())
    result["ended_by_us"] = x.ended_by_us;
  if (!x.running_tool.empty())
    result["running_tool"] = x.running_tool;
  if (!x.running_tools.empty())
    result["running_tools"] = x.running_tools;
  result["age_ms"] = x.age.count();
  result["calls_done"] = x.calls_done;
  result["last_stderr"] = x.last_stderr;
  return result;
}

} // namespace

std::string to_json(const error& x) {
  constexpr int max_causes = 16; // the worker made the chain, it may be as long as it likes
  json result{{"category", to_string(x.category())},
              {"reason", to_string(x.reason)},
              {"message", x.message},
              {"retryable", x.retryable},
              {"details", json::object()}};
  for (auto& [name, fact] : x.details)
    result["details"][name] = fact;
  if (x.python)
    result["python"] = to_object(*x.python, max_causes);
  if (x.certificate)
    result["certificate"] = to_object(*x.certificate);
  // Text of workers need not be UTF-8; an error about an error helps nobody.
  return result.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string to_string(const error& x) {
  std::string result{to_string(x.reason)};
  if (!x.message.empty())
    result += ": " + x.message;
  auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  std::replace_if(result.begin(), result.end(), control, ' ');
  return result;
}

} // namespace snakepit
