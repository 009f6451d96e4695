#pragma once

#include <snakepit/error.hpp>

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace snakepit::cli {

/// What the chosen command does; returns the exit code. Set while the command line is parsed.
using action = std::function<int()>;

/// Stands before words that the parser of the command line must not look into; not for people.
inline constexpr char literal_mark = '\x1f';

/// Options that every command has.
struct common_options {
  /// Empty: $SNAKEPIT_CONFIG, ./snakepit.yaml, built-in defaults.
  std::string config_file;
  bool json = false;
  bool quiet = false;
};

/// Adds `--json`.
void add_json_option(CLI::App& command, common_options& x);

/// Adds `-c,--config`, `--json` and `--quiet`.
void add_common_options(CLI::App& command, common_options& x);

void add_call(CLI::App& app, action& chosen);
void add_map(CLI::App& app, action& chosen);
void add_bench(CLI::App& app, action& chosen);
void add_serve(CLI::App& app, action& chosen);
void add_run(CLI::App& app, action& chosen);
void add_status(CLI::App& app, action& chosen);
void add_deaths(CLI::App& app, action& chosen);
void add_stack(CLI::App& app, action& chosen);
void add_recycle(CLI::App& app, action& chosen);
void add_reload(CLI::App& app, action& chosen);
void add_tools(CLI::App& app, action& chosen);
void add_poisoned(CLI::App& app, action& chosen);
void add_loglevel(CLI::App& app, action& chosen);
void add_doctor(CLI::App& app, action& chosen);
void add_cleanup(CLI::App& app, action& chosen);
void add_config(CLI::App& app, action& chosen);
void add_version(CLI::App& app, action& chosen);

} // namespace snakepit::cli
