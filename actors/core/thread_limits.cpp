#include "actors/core/thread_limits.hpp"

#include <algorithm>
#include <array>

namespace snakepit::core {

namespace {

constexpr auto common = "OMP_NUM_THREADS";
constexpr auto names = std::array{common, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                                  "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"};

bool sets(const environment_layers& layers, const std::string& name) {
  return layers.configured.count(name) > 0
         || std::any_of(layers.host.begin(), layers.host.end(),
                        [&](auto& entry) { return entry.starts_with(name + '='); });
}

/// Calls that run at the same time share the processors. Coroutines compute one at a time.
size_t threads_of(const pool_config& pool, size_t workers, size_t processors) {
  if (pool.profile != "thread")
    return 1;
  return std::max<size_t>(1, processors / std::max<size_t>(1, workers * lanes_of(pool)));
}

} // namespace

std::map<std::string, std::string> thread_limits(const pool_config& pool, size_t workers,
                                                 size_t processors,
                                                 const environment_layers& layers) {
  auto& wanted = pool.threads_env;
  if (wanted == "off" || sets(layers, common))
    return {};
  auto number = wanted == "auto" ? std::to_string(threads_of(pool, workers, processors)) : wanted;
  auto result = std::map<std::string, std::string>{};
  for (auto name : names)
    result.emplace(name, number);
  return result;
}

} // namespace snakepit::core
