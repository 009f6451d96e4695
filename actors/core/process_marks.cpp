#include "actors/core/process_marks.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace snakepit::core {

namespace {

constexpr auto run_name = std::string_view{"SNAKEPIT_RUN_ID"};
constexpr auto instance_name = std::string_view{"SNAKEPIT_INSTANCE"};
constexpr auto host_name = std::string_view{"SNAKEPIT_HOST"};

std::string to_text(const host_identity& x) {
  return std::to_string(x.pid) + ":" + std::to_string(x.start_time) + ":" + x.place;
}

/// The number up to a colon, which is taken off as well.
template <class T>
bool take_number(std::string_view& from, T& into) {
  auto [end, bad] = std::from_chars(from.data(), from.data() + from.size(), into);
  if (bad != std::errc{} || end == from.data() + from.size() || *end != ':')
    return false;
  from.remove_prefix(static_cast<size_t>(end - from.data()) + 1);
  return true;
}

host_identity parse_host(std::string_view text) {
  auto out = host_identity{};
  if (!take_number(text, out.pid) || !take_number(text, out.start_time) || out.pid <= 0)
    return {};
  out.place = text;
  return out;
}

} // namespace

std::string instance_label(std::string_view name, std::string_view id) {
  auto out = std::string{name};
  if (!id.empty())
    out.append("+").append(id);
  return out;
}

std::map<std::string, std::string> to_variables(const process_marks& x) {
  return {{std::string{run_name}, x.run},
          {std::string{instance_name}, x.instance},
          {std::string{host_name}, to_text(x.host)}};
}

bool is_mark(std::string_view name) {
  return name == run_name || name == instance_name || name == host_name;
}

std::optional<process_marks> read_marks(std::string_view environment) {
  auto found = std::array<std::optional<std::string_view>, 3>{};
  while (!environment.empty()) {
    auto entry = environment.substr(0, environment.find('\0'));
    environment.remove_prefix(std::min(environment.size(), entry.size() + 1));
    auto name = entry.substr(0, entry.find('='));
    if (name.size() == entry.size() || !name.starts_with("SNAKEPIT_"))
      continue;
    auto& to = found[name == run_name ? 0 : name == instance_name ? 1 : 2];
    if (is_mark(name) && !to)
      to = entry.substr(name.size() + 1);
  }
  if (!found[0] || found[0]->empty())
    return std::nullopt;
  auto out = process_marks{};
  out.run = *found[0];
  out.instance = found[1].value_or("");
  if (found[2])
    out.host = parse_host(*found[2]);
  return out;
}

} // namespace snakepit::core
