#pragma once

#include "actors/io/run_directory.hpp"
#include "actors/io/template_launcher.hpp"
#include "actors/pool.hpp"

#include <snakepit/config.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace snakepit {

/// What all pools of a runtime have in common.
struct settings_context {
  std::string run_id;
  /// What tells our processes from others, in their environment.
  std::map<std::string, std::string> marks;
  /// A path for the next worker's socket.
  std::function<std::string()> next_socket;
  /// 32 random bytes.
  std::function<std::string()> token;
  /// The folder that holds the Python package.
  std::string bridge;
  /// The host's environment, "NAME=value".
  std::vector<std::string> environment;
  size_t processors = 1;
  std::shared_ptr<telemetry::log> log;

  // What differs by pool; see `context_of`.
  io::worker_limits limits{};
  std::optional<io::worker_user> user{};
  io::run_directory::user_folder folder{}; ///< only with a user
};

/// Adds what the pool's `limits` mean on this host, with a warning for each that had to be reduced.
/// Errors are `invalid_config`.
result<settings_context> context_of(const pool_config& pool, settings_context all,
                                    io::run_directory& place);

/// Fills in what a pool's configuration leaves open: number of workers (reduced to `max_workers`
/// with a warning), budgets by the timeout profile, and what each worker is started with.
pool_settings settings_of(const pool_config& pool, const config& all,
                          const settings_context& context);

/// What the workers of later revisions of the pool are made from, whose templates are new ones.
std::function<worker_spec_ptr(uint32_t revision)>
specs_of(const pool_config& pool, const config& all, const settings_context& context);

/// The pool's template, with the log for what it says, and its events. Only if the pool has
/// `template_launch`.
io::template_spec template_of(const pool_settings& pool, const std::shared_ptr<telemetry::log>& log,
                              const std::shared_ptr<telemetry::event_hub>& events);

} // namespace snakepit
