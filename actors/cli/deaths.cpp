#include "actors/cli/daemon_choice.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/status_text.hpp"

#include <CLI/CLI.hpp>

namespace snakepit::cli {

namespace {

struct deaths_command {
  daemon_choice daemon;
  std::string id;
  uint32_t limit = 0;
};

std::string as_json(const std::vector<recorded_death>& deaths) {
  auto out = std::string{};
  for (auto& x : deaths)
    out += (out.empty() ? "" : ", ") + death_json(x);
  return "{\"deaths\": [" + out + "]}";
}

std::string as_text(const std::vector<recorded_death>& deaths, bool whole) {
  auto out = std::string{};
  for (auto& x : deaths)
    out += (out.empty() ? "" : "\n") + utc_text(x.at) + "  "
           + (whole ? to_text(*x.certificate) : death_line(*x.certificate));
  return out.empty() ? "no worker has ended" : out;
}

int run(const deaths_command& x) {
  auto& json = x.daemon.common.json;
  auto daemon = connect(x.daemon);
  if (!daemon)
    return report_daemon(daemon.error(), json);
  auto deaths = (*daemon)->deaths(x.limit, x.id);
  if (!deaths)
    return report_daemon(deaths.error(), json);
  if (deaths->empty() && !x.id.empty())
    return report({reason::invalid_argument,
                   "there is no certificate " + x.id + "; the daemon keeps the last "
                     + std::to_string(deaths_kept) + " (see `snakepit deaths`)",
                   {{"certificate_id", x.id}}},
                  json);
  return print(json ? as_json(*deaths) : as_text(*deaths, !x.id.empty()));
}

} // namespace

void add_deaths(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("deaths", "Show how a daemon's workers have ended");
  auto x = std::make_shared<deaths_command>();
  command->add_option("ID", x->id, "Certificate, or the end of its name: POOL/SLOT.GENERATION")
    ->type_name("");
  command->add_option("-n,--limit", x->limit, "At most so many, the latest first [all]")
    ->type_name("N")
    ->check(CLI::Range(1, 100000).description(""));
  add_daemon_options(*command, x->daemon);
  command->footer("  snakepit deaths\n  snakepit deaths default/0.1\n\n"
                  "With ID the whole certificate is shown; --json always shows it.");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
