#include "actors/cli/command.hpp"

#include <CLI/CLI.hpp>

namespace snakepit::cli {

void add_json_option(CLI::App& command, common_options& x) {
  command.add_flag("--json", x.json, "Machine-readable output, errors included");
}

void add_common_options(CLI::App& command, common_options& x) {
  command
    .add_option("-c,--config", x.config_file,
                "Configuration [$SNAKEPIT_CONFIG, ./snakepit.yaml, built-in]")
    ->type_name("FILE");
  add_json_option(command, x);
  command.add_flag("-q,--quiet", x.quiet, "No progress, no output of the workers");
}

} // namespace snakepit::cli
