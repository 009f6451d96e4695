#include "actors/cli/daemon_choice.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/worker_choice.hpp"

#include <CLI/CLI.hpp>

namespace snakepit::cli {

namespace {

struct recycle_command {
  daemon_choice daemon;
  std::string worker;
};

std::string as_json(const std::vector<worker_place>& done) {
  auto out = std::string{};
  for (auto& x : done)
    out += (out.empty() ? "" : ", ") + std::string{"{\"pool\": "} + json_string(x.pool)
           + ", \"slot\": " + std::to_string(x.slot) + '}';
  return "{\"recycled\": [" + out + "]}";
}

// One after the other: what fails for one would fail for the next.
int run(const recycle_command& x) {
  auto& json = x.daemon.common.json;
  auto choice = parse_worker(x.worker);
  if (!choice)
    return report_usage(choice.error().message, json);
  auto daemon = connect(x.daemon);
  if (!daemon)
    return report_daemon(daemon.error(), json);
  auto status = (*daemon)->status();
  if (!status)
    return report_daemon(status.error(), json);
  auto places = workers_of(*choice, status->pools);
  if (!places)
    return report(places.error(), json);
  for (auto& place : *places) {
    if (auto ok = (*daemon)->recycle(place.pool, place.slot); !ok) {
      ok.error().message = to_string(place) + ": " + ok.error().message;
      return report_daemon(ok.error(), json);
    }
    if (json)
      continue;
    if (auto code = print(to_string(place) + ": has a new worker"); code != exit_ok)
      return code;
  }
  return json ? print(as_json(*places)) : exit_ok;
}

} // namespace

void add_recycle(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("recycle", "Replace workers of a daemon; no call fails");
  auto x = std::make_shared<recycle_command>();
  command->add_option("WORKER", x->worker, "POOL/SLOT, SLOT, or POOL for all of its workers [all]")
    ->type_name("");
  add_daemon_options(*command, x->daemon);
  command->footer(
    "  snakepit recycle default/0\n  snakepit recycle\n\n"
    "The old worker ends when what it runs has ended; its successor is ready before.");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
