#include "actors/cli/command.hpp"
#include "actors/cli/report.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstring>

namespace {

using namespace snakepit;

constexpr const char* footer = R"(Examples:
  snakepit call ./hello.py greet name=World
  snakepit map ./text.py analyse -n 4 < lines.jsonl > results.jsonl
  snakepit doctor ./hello.py

`snakepit COMMAND --help` tells more. Exit codes: 0 success, 1 a call failed, 2 wrong usage or
configuration, 3 no worker could start, 4 timeout, 130/143 interrupted, 141 stdout was closed.)";

bool wants_json(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](const char* x) { return !strcmp(x, "--json"); });
}

} // namespace

int main(int argc, char** argv) {
  // A closed stdout or a dead worker is an error to handle, not a reason to die.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Runs Python functions in supervised worker processes.", "snakepit"};
  app.get_formatter()->column_width(24);
  app.footer(footer);
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Print this help");
  cli::action chosen;
  cli::add_call(app, chosen);
  cli::add_map(app, chosen);
  cli::add_doctor(app, chosen);
  cli::add_config(app, chosen);
  cli::add_version(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& x) {
    return app.exit(x);
  } catch (const CLI::ParseError& x) {
    return cli::report_usage(std::string{x.what()} + " (see `snakepit --help`)",
                             wants_json(argc, argv));
  }
  return chosen();
}
