#include "actors/cli/command.hpp"
#include "actors/cli/report.hpp"

#include <snakepit/version.hpp>

#include <CLI/CLI.hpp>

namespace snakepit::cli {

void add_version(CLI::App& app, action& chosen) {
  auto* command = app.add_subcommand("version", "Print the version");
  auto options = std::make_shared<common_options>();
  add_json_option(*command, *options);
  command->callback([&chosen, options] {
    chosen = [options] {
      std::string number = version;
      return print(options->json ? "{\"version\": \"" + number + "\"}" : "snakepit " + number);
    };
  });
}

} // namespace snakepit::cli
