#include "actors/cli/daemon_choice.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/table.hpp"

#include <CLI/CLI.hpp>

namespace snakepit::cli {

namespace {

struct poisoned_command {
  daemon_choice daemon;
  std::string word;
};

std::string as_json(const std::vector<poisoned_call>& calls) {
  auto out = std::string{};
  for (auto& x : calls)
    out += (out.empty() ? "" : ", ") + std::string{"{\"pool\": "} + json_string(x.pool)
           + ", \"tool\": " + json_string(x.tool) + ", \"cause\": " + json_string(x.cause)
           + ", \"deaths\": " + std::to_string(x.deaths)
           + ", \"since_ms\": " + std::to_string(x.since.count())
           + ", \"left_ms\": " + std::to_string(x.left.count()) + '}';
  return "{\"poisoned\": [" + out + "]}";
}

std::string seconds(std::chrono::milliseconds x) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(x).count()) + " s";
}

std::string as_text(const std::vector<poisoned_call>& calls, bool cleared) {
  if (calls.empty())
    return "no call is refused";
  auto rows = table{{"POOL", "TOOL", "DEATHS", "CAUSE", "LAST", "REFUSED FOR"}};
  for (auto& x : calls)
    rows.add({x.pool, x.tool, std::to_string(x.deaths), x.cause, seconds(x.since) + " ago",
              cleared ? "forgotten" : seconds(x.left)});
  return rows.text({2});
}

int run(const poisoned_command& x) {
  auto& json = x.daemon.common.json;
  auto daemon = connect(x.daemon);
  if (!daemon)
    return report_daemon(daemon.error(), json);
  auto clear = x.word == "clear";
  auto calls = (*daemon)->poisoned(clear);
  if (!calls)
    return report_daemon(calls.error(), json);
  return print(json ? as_json(*calls) : as_text(*calls, clear));
}

} // namespace

void add_poisoned(CLI::App& app, action& chosen) {
  auto* command =
    app.add_subcommand("poisoned", "List calls that a daemon refuses since they kill workers");
  auto x = std::make_shared<poisoned_command>();
  command->add_option("WORD", x->word, "`clear`: forget them, so that they are tried again")
    ->type_name("")
    ->check(CLI::IsMember({"clear"}).description(""));
  add_daemon_options(*command, x->daemon);
  command->footer("  snakepit poisoned\n  snakepit poisoned clear");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
