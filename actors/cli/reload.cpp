#include "actors/cli/daemon_choice.hpp"
#include "actors/cli/reload_text.hpp"
#include "actors/cli/report.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace snakepit::cli {

namespace {

struct reload_command {
  daemon_choice daemon;
  std::string pool;
};

int run(const reload_command& x) {
  auto& json = x.daemon.common.json;
  auto daemon = connect(x.daemon);
  if (!daemon)
    return report_daemon(daemon.error(), json);
  auto summary = (*daemon)->reload(x.pool);
  if (!summary)
    return report_daemon(summary.error(), json);
  auto failed =
    std::ranges::any_of(summary->pools, [](auto& one) { return one.failure.has_value(); });
  auto code = print(json ? reload_json(*summary) : reload_text(*summary));
  return code != exit_ok || !failed ? code : exit_failed;
}

} // namespace

void add_reload(CLI::App& app, action& chosen) {
  auto* command =
    app.add_subcommand("reload", "Replace all workers of a daemon by ones with new code");
  auto x = std::make_shared<reload_command>();
  command->add_option("POOL", x->pool, "The pool [all]")->type_name("");
  add_daemon_options(*command, x->daemon);
  command->footer(
    "  snakepit reload\n  snakepit reload default\n\n"
    "One new worker is tried first; if it cannot start, nothing has changed (exit code 1). No call "
    "fails.\nThe daemon reads its configuration again and says what only a restart takes over.");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
