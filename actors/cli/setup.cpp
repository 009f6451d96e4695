#include "actors/cli/setup.hpp"

#include "actors/cli/arguments.hpp"
#include "actors/cli/console.hpp"
#include "actors/cli/report.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

namespace snakepit::cli {

namespace {

result<pool_config> chosen_pool(const config& cfg, const std::string& name) {
  auto& pools = cfg.pools;
  auto wanted = name.empty() ? std::string{"default"} : name;
  auto found = std::find_if(pools.begin(), pools.end(), [&](auto& x) { return x.name == wanted; });
  if (found != pools.end())
    return *found;
  if (name.empty() && pools.size() == 1)
    return pools[0];
  if (name.empty() && pools.empty()) {
    auto out = cfg.defaults;
    out.name = "default";
    return out;
  }
  std::string known;
  for (auto& x : pools)
    known += (known.empty() ? "" : ", ") + x.name;
  if (name.empty())
    return fail(reason::pool_not_found, "which pool? Say --pool; there are " + known);
  return fail(reason::pool_not_found,
              "no pool `" + name + "` in the configuration; "
                + (known.empty() ? "it has none" : "it has " + known),
              {{"pool", name}});
}

// Lines of the log and of workers go through the console, which may have a bar to keep whole.
void show_log(log_config& log, bool quiet, bool several) {
  log.sink = [](std::string_view line) { console::standard().line(line); };
  if (log.file.empty())
    log.categories["output"] = "off"; // not twice
  if (!quiet)
    log.output_sink = [several](const worker_line& x) {
      auto prefix = several ? "[" + std::to_string(x.slot) + "] " : std::string{};
      console::standard().line(prefix + std::string{x.text});
    };
}

} // namespace

std::string config_file(const common_options& x) {
  if (!x.config_file.empty())
    return x.config_file;
  if (auto* named = std::getenv("SNAKEPIT_CONFIG"); named && *named)
    return named;
  return access("snakepit.yaml", F_OK) == 0 ? "snakepit.yaml" : "";
}

result<config> read_config(const common_options& x) {
  return load_config(config_file(x));
}

result<config> embedded_config(const common_options& x, const pool_choice& choice) {
  auto adapter = absolute_adapter(choice.adapter);
  auto file = config_file(x);
  // With a pool in it, so that the environment can speak of it.
  auto read = file.empty()
                ? parse_config("pools: [{name: default, adapter: " + json_string(adapter) + "}]",
                               "built-in defaults")
                : load_config(file);
  if (!read)
    return read;
  auto pool = chosen_pool(*read, choice.pool);
  if (!pool)
    return tl::unexpected{std::move(pool.error())};
  pool->adapter = adapter;
  if (choice.workers)
    pool->workers = *choice.workers;
  if (!choice.profile.empty())
    pool->profile = choice.profile;
  if (choice.lanes)
    pool->lanes = *choice.lanes;
  read->pools = {*pool};
  show_log(read->log, x.quiet, pool->workers.value_or(2) > 1);
  return read;
}

void add_profile_options(CLI::App& command, pool_choice& x) {
  command
    .add_option("--profile", x.profile, "How a worker runs calls: process, thread, async [process]")
    ->type_name("WORD");
  command
    .add_option("--lanes", x.lanes,
                "Calls that a worker runs at a time, with --profile thread [4] or async [100]")
    ->type_name("N")
    ->check(CLI::Range(1, 100000).description(""));
}

last_words words_of(const common_options& x) {
  return x.quiet ? last_words::told : last_words::shown_before;
}

std::string start_notice(const common_options& x) {
  return x.quiet || x.json ? "" : "starting workers ...";
}

} // namespace snakepit::cli
