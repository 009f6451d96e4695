#include "actors/cli/command.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/setup.hpp"

#include <snakepit/cleanup.hpp>

#include <CLI/CLI.hpp>

#include <memory>

namespace snakepit::cli {

namespace {

struct cleanup_command {
  common_options common;
  bool dry_run = false;
};

std::string word_of(orphan::end x, bool dry_run) {
  switch (x) {
  case orphan::end::terminated:
    return "terminated";
  case orphan::end::killed:
    return "killed";
  case orphan::end::survived:
    return "survived";
  default:
    return dry_run ? "found" : "gone";
  }
}

std::string plural(size_t n, const std::string& one, const std::string& more) {
  return std::to_string(n) + " " + (n == 1 ? one : more);
}

std::string as_text(const cleanup_report& x, bool dry_run) {
  std::string out;
  for (auto& one : x.orphans)
    out += word_of(one.how, dry_run) + " " + std::to_string(one.pid) + " of run " + one.run
           + " (by " + one.by + "): " + one.command + "\n";
  out += plural(x.ledgers, "ledger", "ledgers") + " of dead runs, "
         + plural(x.orphans.size(), "process", "processes") + " left by them";
  auto survivors = x.count(orphan::end::survived);
  if (dry_run && !x.orphans.empty())
    out += "; nothing was done";
  else if (survivors > 0)
    out += "; " + std::to_string(survivors) + " did not end";
  return out;
}

std::string as_json(const cleanup_report& x, bool dry_run) {
  std::string processes, troubles;
  for (auto& one : x.orphans)
    processes += (processes.empty() ? "" : ", ") + std::string{"{\"pid\": "}
                 + std::to_string(one.pid) + ", \"run\": " + json_string(one.run) + ", \"by\": \""
                 + one.by + "\", \"command\": " + json_string(one.command) + ", \"end\": \""
                 + word_of(one.how, dry_run)
                 + "\", \"took_us\": " + std::to_string(one.took.count()) + "}";
  for (auto& text : x.troubles)
    troubles += (troubles.empty() ? "" : ", ") + json_string(text);
  return std::string{"{\"dry_run\": "} + (dry_run ? "true" : "false") + ", \"ledgers\": "
         + std::to_string(x.ledgers) + ", \"processes\": [" + processes + "], \"survivors\": "
         + std::to_string(x.count(orphan::end::survived)) + ", \"troubles\": [" + troubles
         + "], \"took_us\": " + std::to_string(x.took.count()) + "}";
}

int run(const cleanup_command& x) {
  auto cfg = read_config(x.common);
  if (!cfg)
    return report(cfg.error(), x.common.json);
  auto found = cleanup(*cfg, x.dry_run);
  if (!found)
    return report(found.error(), x.common.json);
  if (!x.common.json)
    for (auto& text : found->troubles)
      report_plain(text, false, exit_failed);
  auto nothing = found->orphans.empty() && found->ledgers == 0;
  auto printed = exit_ok + 0;
  if (x.common.json)
    printed = print(as_json(*found, x.dry_run));
  else if (!x.common.quiet || !nothing)
    printed = print(as_text(*found, x.dry_run));
  if (printed != exit_ok)
    return printed;
  auto good = found->troubles.empty() && found->count(orphan::end::survived) == 0;
  return good ? exit_ok : exit_failed;
}

} // namespace

void add_cleanup(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("cleanup", "End processes left by dead hosts");
  auto x = std::make_shared<cleanup_command>();
  command->add_flag("--dry-run", x->dry_run, "Print what would be ended, end nothing");
  add_common_options(*command, x->common);
  command->footer("  snakepit cleanup --dry-run\n  snakepit cleanup --json\n\n"
                  "Looks for what runs of the configured instance have left; each start does the "
                  "same.\nExit code 1 if something does not end, or a ledger cannot be read.");
  command->callback([&chosen, x] { chosen = [x] { return run(*x); }; });
}

} // namespace snakepit::cli
