#include "actors/cli/arguments.hpp"
#include "actors/cli/command.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/setup.hpp"

#include <snakepit/doctor.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>

namespace snakepit::cli {

namespace {

struct doctor_command {
  common_options common;
  std::string adapter;
};

std::string word_of(check::verdict x) {
  return x == check::verdict::ok ? "ok" : x == check::verdict::warn ? "warn" : "fail";
}

std::string as_text(const std::vector<check>& checks) {
  size_t width = 0;
  for (auto& x : checks)
    width = std::max(width, x.name.size());
  std::string out;
  for (auto& x : checks) {
    auto word = word_of(x.result);
    out += (out.empty() ? "" : "\n") + word + std::string(6 - word.size(), ' ') + x.name
           + std::string(width + 2 - x.name.size(), ' ') + x.found;
    if (!x.advice.empty())
      out += "\n" + std::string(width + 8, ' ') + "-> " + x.advice;
  }
  return out;
}

std::string as_json(const std::vector<check>& checks, bool good) {
  std::string out;
  for (auto& x : checks)
    out += (out.empty() ? "" : ", ") + std::string{"{\"name\": "} + json_string(x.name)
           + ", \"result\": \"" + word_of(x.result) + "\", \"found\": " + json_string(x.found)
           + ", \"advice\": " + json_string(x.advice) + "}";
  return std::string{"{\"ok\": "} + (good ? "true" : "false") + ", \"checks\": [" + out + "]}";
}

int run(const doctor_command& x) {
  auto cfg = read_config(x.common);
  if (!cfg)
    return report(cfg.error(), x.common.json);
  auto checks = examine(*cfg, absolute_adapter(x.adapter));
  bool good = std::none_of(checks.begin(), checks.end(),
                           [](auto& c) { return c.result == check::verdict::fail; });
  auto printed = print(x.common.json ? as_json(checks, good) : as_text(checks));
  return printed != exit_ok ? printed : good ? exit_ok : exit_failed;
}

} // namespace

void add_doctor(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("doctor", "Check this machine, and an adapter");
  auto x = std::make_shared<doctor_command>();
  command->add_option("ADAPTER", x->adapter, "Adapter to try [those of the configuration's pools]")
    ->type_name("");
  add_common_options(*command, x->common);
  command->footer("  snakepit doctor\n  snakepit doctor ./hello.py\n\n"
                  "Exit code 1 if a check fails; what to do stands below each.");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
