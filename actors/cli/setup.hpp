#pragma once

#include "actors/cli/command.hpp"
#include "actors/cli/report.hpp"

#include <snakepit/config.hpp>

#include <functional>
#include <string_view>

namespace CLI {
class App;
}

namespace snakepit::cli {

/// The file that `x` means: its own, $SNAKEPIT_CONFIG or ./snakepit.yaml. Empty: there is none.
std::string config_file(const common_options& x);

/// The whole configuration of that file, or the built-in one.
result<config> read_config(const common_options& x);

/// What `call` and `map` say about the one pool they start.
struct pool_choice {
  std::string adapter;
  std::string pool; ///< whose settings are taken; empty: "default", or the only one
  std::optional<size_t> workers;
  std::string profile; ///< empty: as configured
  std::optional<size_t> lanes;
};

/// Adds the options that say how the workers of the pool run calls.
void add_profile_options(CLI::App& command, pool_choice& x);

/// The configuration with that pool alone, and with the workers' output on stderr unless quiet.
result<config> embedded_config(const common_options& x, const pool_choice& choice);

/// Whether a failure's report has to tell a worker's last words: without `quiet` they were shown.
last_words words_of(const common_options& x);

/// What a terminal shows while workers start; nothing if it is to be quiet.
std::string start_notice(const common_options& x);

} // namespace snakepit::cli
