#include <snakepit/event.hpp>

#include "telemetry/event_hub.hpp"

#include <algorithm>

namespace snakepit {

std::string to_string(const event& x) {
  auto line = std::string{to_string(x.kind)};
  auto add = [&](std::string_view name, std::string_view text) {
    line += ' ';
    line += name;
    line += '=';
    line += text.empty() || text.find(' ') != text.npos ? '"' + std::string{text} + '"'
                                                        : std::string{text};
  };
  if (!x.pool.empty())
    add("pool", x.pool);
  for (auto& [name, number] : x.measurements)
    add(name, std::to_string(number));
  for (auto& [name, text] : x.metadata)
    add(name, text);
  return line;
}

namespace telemetry {

result<event_mask> mask_of(const event_filter& x) {
  auto mask = event_mask{0};
  for (auto kind : x.kinds) {
    if (static_cast<size_t>(kind) >= event_table.size())
      return fail(reason::invalid_argument,
                  "there is no event of the kind " + std::to_string(static_cast<size_t>(kind)));
    mask |= mask_of(kind);
  }
  for (auto& name : x.names) {
    auto begins = name.ends_with('.');
    auto found = event_mask{0};
    for (auto& row : event_table)
      if (begins ? row.name.starts_with(name) : row.name == name)
        found |= mask_of(row.kind);
    if (found == 0)
      return fail(reason::invalid_argument,
                  begins ? "no event's name begins with `" + name + "`"
                         : "there is no event `" + name
                             + "`; what a name begins with must end with a dot",
                  {{"name", name}});
    mask |= found;
  }
  if (!x.kinds.empty() || !x.names.empty())
    return mask;
  for (auto& row : event_table)
    mask |= mask_of(row.kind);
  return mask;
}

bool has_its_keys(const event& x) {
  auto same = [](auto& have, auto& want) {
    return have.size() == want.size()
           && std::ranges::all_of(want, [&](auto& key) { return have.contains(key.name); });
  };
  auto& row = row_of(x.kind);
  return same(x.measurements, row.measurements) && same(x.metadata, row.metadata);
}

} // namespace telemetry

} // namespace snakepit
