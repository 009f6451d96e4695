#include "actors/cli/command.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/setup.hpp"

#include <snakepit/config.hpp>

#include <CLI/CLI.hpp>

namespace snakepit::cli {

namespace {

struct config_command {
  common_options common;
  bool origins = false;
};

int check_file(const config_command& x) {
  auto file = config_file(x.common);
  auto read = read_config(x.common);
  if (!read)
    return report(read.error(), x.common.json);
  auto name = file.empty() ? std::string{"built-in defaults"} : file;
  return print(x.common.json ? "{\"ok\": true, \"file\": " + json_string(name) + "}"
                             : name + ": ok");
}

int show(const config_command& x) {
  auto shown = show_config(config_file(x.common), x.origins);
  if (!shown)
    return report(shown.error(), x.common.json);
  while (shown->ends_with('\n'))
    shown->pop_back();
  return print(x.common.json ? "{\"yaml\": " + json_string(*shown) + "}" : *shown);
}

} // namespace

void add_config(CLI::App& app, action& chosen) {
  auto* group = app.add_subcommand("config", "Check or show the configuration");
  group->require_subcommand(1);
  auto add = [&](const char* name, const char* says, int (*run)(const config_command&)) {
    auto* command = group->add_subcommand(name, says);
    auto x = std::make_shared<config_command>();
    command
      ->add_option("FILE", x->common.config_file,
                   "Configuration [$SNAKEPIT_CONFIG, ./snakepit.yaml, built-in]")
      ->type_name("");
    add_common_options(*command, x->common);
    if (run == show)
      command->add_flag("--origins", x->origins, "Say where each value comes from");
    command->callback([&chosen, x, run] { chosen = [x, run] { return run(*x); }; });
  };
  add("check", "Say whether it is valid", check_file);
  add("show", "Print every value that is in effect", show);
  group->footer("  snakepit config check snakepit.yaml\n  snakepit config show --origins");
}

} // namespace snakepit::cli
