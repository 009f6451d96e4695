#include "actors/cli/daemon_choice.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/status_text.hpp"
#include "actors/cli/units.hpp"

#include <CLI/CLI.hpp>

#include <thread>
#include <unistd.h>

namespace snakepit::cli {

namespace {

constexpr uint32_t last_deaths = 5;
constexpr std::string_view clear_screen = "\x1b[H\x1b[2J\x1b[3J";

struct status_command {
  daemon_choice daemon;
  bool watch = false;
  bool workers = false;
  std::string interval = "1s";
};

result<status_sample> take(io::control_client& daemon) {
  auto status = daemon.status();
  if (!status)
    return tl::unexpected{std::move(status.error())};
  auto deaths = daemon.deaths(last_deaths, {});
  if (!deaths)
    return tl::unexpected{std::move(deaths.error())};
  return status_sample{std::move(*status), std::move(*deaths), std::chrono::system_clock::now()};
}

// On a terminal each sample takes the place of the one before; a line stands between them else.
std::string shown(const std::string& text, bool watch, bool first) {
  if (watch && isatty(STDOUT_FILENO))
    return std::string{clear_screen} + text;
  return first ? text : "\n" + text;
}

// Until it is interrupted, or the daemon has gone.
int run(const status_command& x) {
  auto& json = x.daemon.common.json;
  auto interval = parse_duration(x.interval);
  if (!interval || *interval <= duration{0} || *interval > std::chrono::hours{24})
    return report_usage("--interval " + x.interval + " is no time between looks: say 500ms or 5s",
                        json);
  auto daemon = connect(x.daemon);
  if (!daemon)
    return report_daemon(daemon.error(), json);
  auto before = std::optional<status_sample>{};
  for (;;) {
    auto now = take(**daemon);
    if (!now)
      return report_daemon(now.error(), json);
    auto text =
      json ? status_json(*now)
           : shown(status_text(*now, before ? &*before : nullptr, x.workers), x.watch, !before);
    if (auto code = print(text); code != exit_ok || !x.watch)
      return code;
    before = std::move(*now);
    std::this_thread::sleep_for(*interval);
  }
}

} // namespace

void add_status(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("status", "Show a daemon and its pools");
  auto x = std::make_shared<status_command>();
  command->add_flag("--watch", x->watch, "Again and again, with rates, until interrupted");
  command->add_flag("--workers", x->workers, "Also each worker; --json has them always");
  command->add_option("--interval", x->interval, "Between two looks [1s]")->type_name("TIME");
  add_daemon_options(*command, x->daemon);
  command->footer("  snakepit status\n  snakepit status --watch --json | jq .pools");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
