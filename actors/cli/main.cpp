#include "actors/cli/command.hpp"
#include "actors/cli/report.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

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

/// CLI11 takes "[1, 2]" apart where many words may stand; behind a mark it does not look.
std::vector<std::string> words_of(int argc, char** argv) {
  auto result = std::vector<std::string>(argv + 1, argv + argc);
  for (auto& x : result)
    if (x.starts_with('['))
      x.insert(0, 1, cli::literal_mark);
  std::reverse(result.begin(), result.end()); // as it wants them
  return result;
}

bool has_command(CLI::App& app, const std::string& name) {
  auto all = app.get_subcommands({});
  return std::any_of(all.begin(), all.end(), [&](auto* x) { return x->get_name() == name; });
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
  cli::add_bench(app, chosen);
  cli::add_doctor(app, chosen);
  cli::add_config(app, chosen);
  cli::add_version(app, chosen);
  if (argc > 1 && argv[1][0] != '-' && !has_command(app, argv[1]))
    return cli::report_usage("there is no command `" + std::string{argv[1]}
                               + "` (see `snakepit --help`)",
                             wants_json(argc, argv));
  try {
    app.parse(words_of(argc, argv));
  } catch (const CLI::CallForHelp& x) {
    return app.exit(x);
  } catch (const CLI::ParseError& x) {
    return cli::report_usage(std::string{x.what()} + " (see `snakepit --help`)",
                             wants_json(argc, argv));
  }
  return chosen();
}
