#include "actors/cli/setup.hpp"

#include "actors/cli/arguments.hpp"
#include "actors/cli/report.hpp"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

namespace snakepit::cli {

namespace {

result<pool_config> chosen_pool(const std::vector<pool_config>& pools, const std::string& name) {
  auto wanted = name.empty() ? std::string{"default"} : name;
  auto found = std::find_if(pools.begin(), pools.end(), [&](auto& x) { return x.name == wanted; });
  if (found != pools.end())
    return *found;
  if (name.empty() && pools.size() == 1)
    return pools[0];
  if (name.empty() && pools.empty())
    return pool_config{};
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

} // namespace

std::string config_file(const common_options& x) {
  if (!x.config_file.empty())
    return x.config_file;
  if (auto* named = std::getenv("SNAKEPIT_CONFIG"); named && *named)
    return named;
  return access("snakepit.yaml", F_OK) == 0 ? "snakepit.yaml" : "";
}

result<config> read_config(const common_options& x) {
  auto file = config_file(x);
  return file.empty() ? parse_config("{}", "built-in defaults") : load_config(file);
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
  auto pool = chosen_pool(read->pools, choice.pool);
  if (!pool)
    return tl::unexpected{std::move(pool.error())};
  pool->adapter = adapter;
  if (choice.workers)
    pool->workers = *choice.workers;
  read->pools = {*pool};
  if (x.quiet)
    read->log.worker_output = "off";
  return read;
}

} // namespace snakepit::cli
