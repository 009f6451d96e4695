#include "actors/core/certificate_json.hpp"
#include "actors/core/stack_json.hpp"

#include <snakepit/error.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace snakepit {

namespace {

using json = nlohmann::ordered_json;

json to_object(const python_error& x, int causes_left) {
  json result{{"type", x.type}, {"message", x.message}, {"traceback", json::array()}};
  for (auto& frame : x.frames)
    result["traceback"].push_back(core::to_object(frame));
  if (x.cause && causes_left > 0)
    result["cause"] = to_object(*x.cause, causes_left - 1);
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
    result["certificate"] = core::to_object(*x.certificate);
  if (x.stacks)
    result["stacks"] = core::to_brief_object(*x.stacks);
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
