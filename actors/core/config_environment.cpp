#include "actors/core/config_environment.hpp"

#include "actors/core/config_keys.hpp"
#include "actors/core/spelling.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

using kind = config_node::kind;

constexpr auto separator = std::string_view{"__"};

std::string lower(std::string_view text) {
  auto result = std::string{text};
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// Takes the first part off a path.
std::string_view split(std::string_view& path) {
  auto end = path.find(separator);
  auto first = path.substr(0, end);
  path = end == std::string_view::npos ? std::string_view{} : path.substr(end + separator.size());
  return first;
}

/// Whether a map of free names stands at `name`, so that what follows is one of these.
bool holds_names(const std::vector<config_key>& keys, std::string_view name) {
  return std::any_of(keys.begin(), keys.end(), [&](auto& x) {
    return x.name == name
           && (std::holds_alternative<text_map_field>(x.field)
               || std::holds_alternative<word_map_field>(x.field));
  });
}

/// The keys' own names along a path, outermost first.
std::vector<std::string> parts_of(std::string_view path, const std::vector<config_key>& keys) {
  auto result = std::vector<std::string>{};
  auto name = std::string{};
  while (!path.empty()) {
    if (holds_names(keys, name)) {
      result.emplace_back(path);
      break;
    }
    result.push_back(lower(split(path)));
    name += (name.empty() ? "" : ".") + result.back();
  }
  return result;
}

void merge(config_node& to, config_node from) {
  if (to.is != kind::map || from.is != kind::map) {
    to = std::move(from);
    return;
  }
  for (auto& x : from.entries) {
    if (auto entry = to.find(x.key)) {
      entry->place = x.place;
      merge(entry->value, std::move(x.value));
    } else {
      to.entries.push_back(std::move(x));
    }
  }
}

void put(config_node& root, const std::vector<std::string>& parts, config_node value) {
  auto place = value.place;
  auto at = &root;
  for (auto& part : parts) {
    if (at->is != kind::map)
      *at = config_node{.is = kind::map, .place = place};
    if (!at->find(part))
      at->entries.push_back({part, place, config_node{.place = place}});
    // An unknown key is the variable's fault, even if the file has it, too.
    at->find(part)->place = place;
    at = &at->find(part)->value;
  }
  merge(*at, std::move(value));
}

std::string name_of(const config_node& pool) {
  auto name = pool.find("name");
  return name ? name->value.text : pool_config{}.name;
}

/// The pool whose name `path` begins with, and takes the name off. Names may hold the separator:
/// the longest one counts.
config_node* take_pool(config_node& list, std::string_view& path) {
  config_node* found = nullptr;
  auto longest = size_t{0};
  for (auto& pool : list.items) {
    auto name = name_of(pool);
    auto rest = path.substr(std::min(name.size(), path.size()));
    if (path.starts_with(name) && (rest.empty() || rest.starts_with(separator))
        && name.size() >= longest) {
      found = &pool;
      longest = name.size();
    }
  }
  if (found) {
    path.remove_prefix(longest);
    split(path);
  }
  return found;
}

} // namespace

result<void> apply_variable(config_node& root, const std::string& name, config_node value) {
  auto path = std::string_view{name}.substr(environment_prefix.size());
  auto pool = pool_config{};
  auto all = config{};
  auto rest = path;
  auto first = lower(split(rest));
  if (path.empty())
    return fail(reason::invalid_config, to_string(value.place) + ": names no key");
  if (first == "defaults") {
    auto parts = parts_of(rest, keys_of(pool));
    parts.insert(parts.begin(), first);
    put(root, parts, std::move(value));
    return {};
  }
  if (first != "pools" || rest.empty()) {
    put(root, parts_of(path, keys_of(all)), std::move(value));
    return {};
  }
  auto pools = root.find("pools");
  auto found = pools ? take_pool(pools->value, rest) : nullptr;
  if (found) {
    put(*found, parts_of(rest, keys_of(pool)), std::move(value));
    return {};
  }
  auto wanted = std::string{split(rest)};
  auto known = std::vector<std::string>{};
  if (pools)
    for (auto& x : pools->value.items)
      known.push_back(name_of(x));
  auto hint = suggestion(wanted, known);
  if (known.empty())
    hint = "; the configuration has no pools, `SNAKEPIT__DEFAULTS__...` goes for all";
  else if (hint.empty())
    hint = "; there is " + listed(known);
  return fail(reason::invalid_config,
              to_string(value.place) + ": no pool is called " + core::in_quotes(wanted) + hint);
}

} // namespace snakepit::core
