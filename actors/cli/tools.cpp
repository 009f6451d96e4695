#include "actors/cli/daemon_choice.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/table.hpp"

#include <CLI/CLI.hpp>

namespace snakepit::cli {

namespace {

struct tools_command {
  daemon_choice daemon;
  std::string pool;
};

std::string as_json(const std::vector<tool_description>& tools) {
  auto out = std::string{};
  for (auto& x : tools)
    out += (out.empty() ? "" : ", ") + std::string{"{\"name\": "} + json_string(x.name)
           + ", \"description\": " + json_string(x.description) + ", \"raw\": "
           + (x.raw ? "true" : "false") + ", \"idempotent\": " + (x.idempotent ? "true" : "false")
           + ", \"schema\": " + (x.schema.empty() ? "null" : x.schema) + '}';
  return "{\"tools\": [" + out + "]}";
}

std::string as_text(const std::vector<tool_description>& tools) {
  auto rows = table{{"TOOL", "DESCRIPTION"}};
  for (auto& x : tools)
    rows.add({x.name, x.description.substr(0, x.description.find('\n'))});
  return rows.text({});
}

int run(const tools_command& x) {
  auto& json = x.daemon.common.json;
  auto daemon = connect(x.daemon);
  if (!daemon)
    return report_daemon(daemon.error(), json);
  auto tools = (*daemon)->tools(x.pool);
  if (!tools)
    return report_daemon(tools.error(), json);
  return print(json ? as_json(*tools) : as_text(*tools));
}

} // namespace

void add_tools(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("tools", "List the tools of a daemon's pool");
  auto x = std::make_shared<tools_command>();
  command->add_option("--pool", x->pool, "Pool [the one called default, or the only one]")
    ->type_name("NAME");
  add_daemon_options(*command, x->daemon);
  command->footer("  snakepit tools\n  snakepit tools --pool models --json");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
