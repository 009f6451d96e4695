#include "actors/cli/daemon_choice.hpp"
#include "actors/cli/report.hpp"

#include <CLI/CLI.hpp>

namespace snakepit::cli {

namespace {

struct loglevel_command {
  daemon_choice daemon;
  std::vector<std::string> words;
};

int run(const loglevel_command& x) {
  auto& json = x.daemon.common.json;
  auto daemon = connect(x.daemon);
  if (!daemon)
    return report_daemon(daemon.error(), json);
  auto& level = x.words.back();
  auto category = x.words.size() > 1 ? x.words.front() : std::string{};
  if (auto ok = (*daemon)->log_level(level, category); !ok)
    return report_daemon(ok.error(), json);
  if (json)
    return print("{\"category\": " + json_string(category) + ", \"level\": " + json_string(level)
                 + "}");
  return print("log level" + (category.empty() ? "" : " of " + category) + ": " + level);
}

} // namespace

void add_loglevel(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("loglevel", "Change what a daemon logs, until it ends");
  auto x = std::make_shared<loglevel_command>();
  command
    ->add_option("LEVEL", x->words,
                 "[CATEGORY] LEVEL; levels are trace, debug, info, warning, error, off")
    ->required()
    ->expected(1, 2)
    ->type_name("");
  add_daemon_options(*command, x->daemon);
  command->footer("  snakepit loglevel debug\n  snakepit loglevel output off");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
