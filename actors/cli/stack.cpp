#include "actors/cli/daemon_choice.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/worker_choice.hpp"

#include <CLI/CLI.hpp>

namespace snakepit::cli {

namespace {

struct stack_command {
  daemon_choice daemon;
  std::string worker;
};

struct shown_worker {
  worker_place place;
  result<stack_report> seen;
};

std::string as_json(const std::vector<shown_worker>& workers) {
  auto out = std::string{};
  for (auto& x : workers)
    out +=
      (out.empty() ? "" : ", ") + std::string{"{\"pool\": "} + json_string(x.place.pool)
      + ", \"slot\": " + std::to_string(x.place.slot)
      + (x.seen ? ", \"stacks\": " + to_json(*x.seen) : ", \"error\": " + to_json(x.seen.error()))
      + '}';
  return "{\"workers\": [" + out + "]}";
}

std::string as_text(const std::vector<shown_worker>& workers) {
  auto out = std::string{};
  for (auto& x : workers) {
    auto text = x.seen ? to_string(*x.seen) : to_string(x.seen.error());
    while (text.ends_with('\n'))
      text.pop_back();
    out += (out.empty() ? "worker " : "\n\nworker ") + to_string(x.place) + ":\n" + text;
  }
  return out.empty() ? "there is no worker" : out;
}

int run(const stack_command& x) {
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
  auto workers = std::vector<shown_worker>{};
  for (auto& place : *places) {
    auto seen = (*daemon)->stacks(place.pool, place.slot);
    if (!seen && (choice->slot || seen.error().details.count("daemon") > 0))
      return report_daemon(seen.error(), json);
    workers.push_back({place, std::move(seen)});
  }
  return print(json ? as_json(workers) : as_text(workers));
}

} // namespace

void add_stack(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("stack", "Show what workers do now, without disturbing them");
  auto x = std::make_shared<stack_command>();
  command->add_option("WORKER", x->worker, "POOL/SLOT, SLOT, or POOL for all of its workers [all]")
    ->type_name("");
  add_daemon_options(*command, x->daemon);
  command->footer("  snakepit stack\n  snakepit stack default/0");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
