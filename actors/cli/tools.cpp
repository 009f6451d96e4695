#include "actors/cli/daemon_choice.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/table.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace snakepit::cli {

namespace {

struct tools_command {
  daemon_choice daemon;
  std::string pool;
};

std::string delay_of(const tool_description& x) {
  auto us = x.batch_delay / std::chrono::microseconds{1};
  return us % 1000 == 0 ? std::to_string(us / 1000) + "ms" : std::to_string(us) + "us";
}

std::string batch_of(const tool_description& x) {
  if (x.batch_size == 0)
    return "null";
  return "{\"max_size\": " + std::to_string(x.batch_size) + ", \"max_delay\": \"" + delay_of(x)
         + "\"}";
}

std::string as_json(const std::vector<tool_description>& tools) {
  auto out = std::string{};
  for (auto& x : tools)
    out += (out.empty() ? "" : ", ") + std::string{"{\"name\": "} + json_string(x.name)
           + ", \"description\": " + json_string(x.description) + ", \"raw\": "
           + (x.raw ? "true" : "false") + ", \"idempotent\": " + (x.idempotent ? "true" : "false")
           + ", \"batch\": " + batch_of(x)
           + ", \"schema\": " + (x.schema.empty() ? "null" : x.schema) + '}';
  return "{\"tools\": [" + out + "]}";
}

std::string as_text(const std::vector<tool_description>& tools) {
  auto line = [](auto& x) { return x.description.substr(0, x.description.find('\n')); };
  if (std::ranges::none_of(tools, [](auto& x) { return x.batch_size > 0; })) {
    auto rows = table{{"TOOL", "DESCRIPTION"}};
    for (auto& x : tools)
      rows.add({x.name, line(x)});
    return rows.text({});
  }
  auto rows = table{{"TOOL", "BATCH", "DESCRIPTION"}};
  for (auto& x : tools)
    rows.add({x.name, x.batch_size == 0 ? "-" : std::to_string(x.batch_size) + " in " + delay_of(x),
              line(x)});
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
