#include "actors/core/config_changes.hpp"

#include "actors/core/config_fields.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

namespace snakepit::core {

namespace {

constexpr auto inline_limit = "limits.inline";

/// Of a pool. A name that ends with a dot stands for the keys below it.
constexpr auto pool_keys =
  std::to_array<std::string_view>({"adapter", "preload", "threads_env", "health_interval",
                                   "start.timeout", "heartbeat.", "limits.", "chaos."});
constexpr auto common_keys = std::to_array<std::string_view>({"python."});

template <size_t N>
bool is_taken(std::string_view key, const std::array<std::string_view, N>& keys) {
  return key != inline_limit && std::ranges::any_of(keys, [&](auto x) {
           return x.ends_with('.') ? key.starts_with(x) : key == x;
         });
}

void copy(const config_field& from, const config_field& to) {
  std::visit([&](auto& x) { *std::get<std::remove_cvref_t<decltype(x)>>(to).at = *x.at; }, from);
}

template <class T, size_t N>
void take(T& running, T& wanted, const std::array<std::string_view, N>& keys,
          const std::string& prefix, std::vector<std::string>& ignored) {
  auto now = keys_of(running);
  auto then = keys_of(wanted);
  for (size_t i = 0; i < now.size(); ++i) {
    if (to_yaml(now[i].field, now[i].rule) == to_yaml(then[i].field, then[i].rule))
      continue;
    if (is_taken(now[i].name, keys))
      copy(then[i].field, now[i].field);
    else
      ignored.push_back(prefix + std::string{now[i].name});
  }
}

} // namespace

config_changes compare(config running, config wanted) {
  auto out = config_changes{};
  auto named = [](auto& pools, auto& name) {
    return std::ranges::find(pools, name, &pool_config::name);
  };
  take(running, wanted, common_keys, {}, out.ignored);
  for (auto& pool : running.pools) {
    auto prefix = "pools." + pool.name;
    if (auto i = named(wanted.pools, pool.name); i != wanted.pools.end())
      take(pool, *i, pool_keys, prefix + '.', out.ignored);
    else
      out.ignored.push_back(prefix);
  }
  for (auto& pool : wanted.pools)
    if (named(running.pools, pool.name) == running.pools.end())
      out.ignored.push_back("pools." + pool.name);
  out.taken = std::move(running);
  return out;
}

} // namespace snakepit::core
