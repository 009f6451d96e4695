#include "actors/core/config_reader.hpp"

#include "actors/core/config_fields.hpp"
#include "actors/core/config_rules.hpp"
#include "actors/core/spelling.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

using kind = config_node::kind;

tl::unexpected<error> fault_at(const config_place& place, const std::string& message) {
  return fail(reason::invalid_config, to_string(place) + ": " + message);
}

/// Names that may stand in the section `prefix` ("" or "queue.") itself.
std::vector<std::string> names_in(const std::vector<config_key>& keys, const std::string& prefix) {
  auto result = std::vector<std::string>{};
  for (auto& key : keys) {
    if (!key.name.starts_with(prefix))
      continue;
    auto name = std::string{key.name.substr(prefix.size())};
    name = name.substr(0, name.find('.'));
    if (result.empty() || result.back() != name)
      result.push_back(std::move(name));
  }
  return result;
}

/// The full name of a key whose last word is `word`, if it stands elsewhere.
std::optional<std::string> found_elsewhere(const std::string& word) {
  auto ends_so = [&](std::string_view name) { return name.substr(name.rfind('.') + 1) == word; };
  auto x = snakepit::config{};
  auto pool = pool_config{};
  for (auto& key : keys_of(x))
    if (ends_so(key.name))
      return std::string{key.name};
  for (auto& key : keys_of(pool))
    if (ends_so(key.name))
      return "pools[]." + std::string{key.name};
  return std::nullopt;
}

class reader {
public:
  result<config_reading> run(const config_node& root) {
    auto read = root_entries(root);
    if (!read)
      return tl::unexpected{read.error()};
    return std::move(out_);
  }

private:
  result<void> root_entries(const config_node& root) {
    auto keys = keys_of(out_.config);
    auto special = std::vector<std::string>{"defaults", "pools"};
    if (auto read = section(root, keys, "", "", special); !read)
      return read;
    // Pools start from the defaults, wherever in the file these stand.
    if (auto x = root.find("defaults"))
      if (auto read = section(x->value, keys_of(out_.config.defaults), "", "defaults."); !read)
        return read;
    auto x = root.find("pools");
    return x ? pools(x->value) : result<void>{};
  }

  result<void> pools(const config_node& list) {
    if (list.is == kind::null)
      return {};
    if (list.is != kind::list)
      return fault_at(list.place, "wanted a list of pools, got " + describe(list));
    out_.config.pools.assign(list.items.size(), out_.config.defaults);
    for (size_t i = 0; i < list.items.size(); ++i) {
      auto path = "pools[" + std::to_string(i) + "]";
      out_.places[path] = list.items[i].place;
      auto read = section(list.items[i], keys_of(out_.config.pools[i]), "", path + ".");
      if (!read)
        return read;
    }
    return {};
  }

  /// Reads the map `node` that holds the keys beginning with `prefix`. `path` goes before their
  /// names where places are noted; entries named in `others` are somebody else's.
  result<void> section(const config_node& node, const std::vector<config_key>& keys,
                       const std::string& prefix, const std::string& path,
                       const std::vector<std::string>& others = {}) {
    // A section whose every line is commented out is empty.
    if (node.is == kind::null)
      return {};
    if (node.is != kind::map)
      return fault_at(node.place, "wanted a map of keys, got " + describe(node));
    for (auto& entry : node.entries) {
      if (std::find(others.begin(), others.end(), entry.key) != others.end())
        continue;
      auto name = prefix + entry.key;
      // Dots are how the table writes sections, not how people do.
      auto dotted = entry.key.find('.') != std::string::npos;
      auto key = std::find_if(keys.begin(), keys.end(), [&](auto& x) { return x.name == name; });
      auto is_section = std::any_of(keys.begin(), keys.end(),
                                    [&](auto& x) { return x.name.starts_with(name + '.'); });
      auto read = dotted              ? unknown(entry, keys, prefix, others)
                  : key != keys.end() ? value(entry, *key, path)
                  : is_section        ? section(entry.value, keys, name + '.', path)
                                      : unknown(entry, keys, prefix, others);
      if (!read)
        return read;
    }
    return {};
  }

  result<void> value(const config_entry& entry, const config_key& key, const std::string& path) {
    if (key.rule.pool_only && path == "defaults.")
      return fault_at(entry.place, in_quotes(key.name) + " is each pool's own, not for `defaults`");
    if (auto fault = assign(key.field, key.rule, entry.value))
      return fault_at(fault->node->place, in_quotes(key.name) + ": " + fault->message);
    out_.places[path + std::string{key.name}] = entry.value.place;
    return {};
  }

  static result<void> unknown(const config_entry& entry, const std::vector<config_key>& keys,
                              const std::string& prefix, const std::vector<std::string>& others) {
    auto known = names_in(keys, prefix);
    known.insert(known.end(), others.begin(), others.end());
    auto message = "unknown key " + in_quotes(entry.key);
    if (auto hint = suggestion(entry.key, known); !hint.empty())
      message += hint;
    else if (auto elsewhere = found_elsewhere(entry.key))
      message += "; there is " + in_quotes(*elsewhere);
    else
      message += "; known here: " + listed(known);
    return fault_at(entry.place, message);
  }

  config_reading out_;
};

} // namespace

result<config_reading> read_config(const config_node& root, const std::string& name) {
  auto reading = reader{}.run(root);
  if (!reading)
    return reading;
  auto fault = find_fault(reading->config);
  if (!fault)
    return reading;
  auto place = origin_of(*reading, fault->path);
  // What is missing is missing from its pool.
  auto pool = reading->places.find(fault->path.substr(0, fault->path.find("].") + 1));
  if (!place.source && pool != reading->places.end())
    place = pool->second;
  if (!place.source)
    place.source = std::make_shared<const std::string>(name);
  return fault_at(place, fault->message);
}

config_place origin_of(const config_reading& x, const std::string& path) {
  if (auto i = x.places.find(path); i != x.places.end())
    return i->second;
  auto end = path.find("].");
  if (end == std::string::npos)
    return {};
  auto i = x.places.find("defaults." + path.substr(end + 2));
  return i == x.places.end() ? config_place{} : i->second;
}

} // namespace snakepit::core
