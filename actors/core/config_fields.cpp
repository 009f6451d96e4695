#include "actors/core/config_fields.hpp"

#include "actors/core/spelling.hpp"

#include <algorithm>
#include <charconv>

namespace snakepit::core {

namespace {

using kind = config_node::kind;

field_fault wanted(std::string_view what, const config_node& got) {
  return {&got, "wanted " + std::string{what} + ", got " + describe(got)};
}

std::optional<field_fault> read(const config_node& x, std::string& to) {
  if (x.is != kind::scalar)
    return wanted("text", x);
  if (x.plain && (is_number(x.text) || is_truth_value(x.text)))
    return field_fault{&x, wanted("text", x).message + "; put it in quotes if it is meant as text"};
  to = x.text;
  return std::nullopt;
}

std::optional<field_fault> read(const config_node& x, std::string& to, const words& allowed) {
  auto fault = wanted(listed(allowed, "or"), x);
  if (x.is != kind::scalar)
    return fault;
  if (std::find(allowed.begin(), allowed.end(), x.text) == allowed.end()) {
    fault.message += suggestion(x.text, allowed);
    return fault;
  }
  to = x.text;
  return std::nullopt;
}

template <class T>
std::optional<field_fault> read(const config_node& x, T& to, std::string_view what,
                                parsed<T> (*parse)(std::string_view)) {
  if (x.is != kind::scalar)
    return wanted(what, x);
  auto value = parse(x.text);
  if (!value)
    return field_fault{&x, value.error()};
  to = *value;
  return std::nullopt;
}

/// Quotes around a duration or a size change nothing, but "4" is text.
std::optional<field_fault> read_count(const config_node& x, size_t& to) {
  if (x.is == kind::scalar && !x.plain)
    return wanted("a whole number", x);
  return read(x, to, "a whole number", parse_count);
}

struct assigner {
  const config_node& x;

  std::optional<field_fault> operator()(const text_field& f) const {
    return read(x, *f.at);
  }

  std::optional<field_fault> operator()(const word_field& f) const {
    return read(x, *f.at, f.allowed);
  }

  std::optional<field_fault> operator()(const word_or_count_field& f) const {
    auto& allowed = f.allowed;
    if (x.is != kind::scalar)
      return wanted(listed(allowed, "or") + " or a whole number", x);
    if (std::find(allowed.begin(), allowed.end(), x.text) != allowed.end()) {
      *f.at = x.text;
      return std::nullopt;
    }
    auto count = x.plain ? parse_count(x.text) : tl::unexpected<std::string>{""};
    if (!count) {
      auto fault = wanted(listed(allowed, "or") + " or a whole number", x);
      fault.message += suggestion(x.text, allowed);
      return fault;
    }
    *f.at = std::to_string(*count);
    return std::nullopt;
  }

  std::optional<field_fault> operator()(const texts_field& f) const {
    return each(*f.at, "a list of texts", [](auto& node, auto& to) { return read(node, to); });
  }

  std::optional<field_fault> operator()(const durations_field& f) const {
    return each(*f.at, "a list of durations",
                [](auto& node, auto& to) { return read(node, to, "a duration", parse_duration); });
  }

  /// Takes numbers and truth values as they are written: nobody quotes `OMP_NUM_THREADS: 1`. Never
  /// names the text, which may be a secret.
  std::optional<field_fault> operator()(const text_map_field& f) const {
    return entries(*f.at, [](auto& node, auto& to) -> std::optional<field_fault> {
      if (node.is != kind::scalar)
        return wanted("text", node);
      to = node.text;
      return std::nullopt;
    });
  }

  std::optional<field_fault> operator()(const word_map_field& f) const {
    return entries(*f.at, [&](auto& node, auto& to) { return read(node, to, f.allowed); });
  }

  std::optional<field_fault> operator()(const flag_field& f) const {
    if (x.is != kind::scalar || !x.plain || (x.text != "true" && x.text != "false"))
      return wanted("`true` or `false`", x);
    *f.at = x.text == "true";
    return std::nullopt;
  }

  std::optional<field_fault> operator()(const share_field& f) const {
    auto value = 0.0;
    auto end = x.text.data() + x.text.size();
    auto [rest, bad] = std::from_chars(x.text.data(), end, value, std::chars_format::fixed);
    if (x.is != kind::scalar || !x.plain || bad != std::errc{} || rest != end || !is_share(value))
      return wanted("a number from 0 to 1", x);
    *f.at = value;
    return std::nullopt;
  }

  std::optional<field_fault> operator()(const count_field& f) const {
    return read_count(x, *f.at);
  }

  std::optional<field_fault> operator()(const optional_count_field& f) const {
    return maybe(*f.at, [&](auto& to) { return read_count(x, to); });
  }

  std::optional<field_fault> operator()(const size_field& f) const {
    return read(x, *f.at, "a size", parse_size);
  }

  std::optional<field_fault> operator()(const duration_field& f) const {
    return read(x, *f.at, "a duration", parse_duration);
  }

  std::optional<field_fault> operator()(const optional_duration_field& f) const {
    return maybe(*f.at, [&](auto& to) { return read(x, to, "a duration", parse_duration); });
  }

private:
  template <class T, class Read>
  std::optional<field_fault> each(std::vector<T>& to, std::string_view what, Read read_one) const {
    if (x.is != kind::list)
      return wanted(what, x);
    auto values = std::vector<T>(x.items.size());
    for (size_t i = 0; i < values.size(); ++i)
      if (auto fault = read_one(x.items[i], values[i]))
        return fault;
    to = std::move(values);
    return std::nullopt;
  }

  template <class Read>
  std::optional<field_fault> entries(std::map<std::string, std::string>& to, Read read_one) const {
    if (x.is != kind::map)
      return wanted("a map of names to values", x);
    auto values = std::map<std::string, std::string>{};
    for (auto& entry : x.entries)
      if (auto fault = read_one(entry.value, values[entry.key]))
        return fault;
    to = std::move(values);
    return std::nullopt;
  }

  template <class T, class Read>
  std::optional<field_fault> maybe(std::optional<T>& to, Read read_one) const {
    if (x.is == kind::null) {
      to.reset();
      return std::nullopt;
    }
    auto value = T{};
    auto fault = read_one(value);
    if (!fault)
      to = value;
    return fault;
  }
};

} // namespace

std::optional<field_fault> assign(const config_field& field, const key_rule& rule,
                                  const config_node& x) {
  if (auto text = std::get_if<text_field>(&field); text && rule.null && x.is == kind::null) {
    text->at->clear();
    return std::nullopt;
  }
  return std::visit(assigner{x}, field);
}

} // namespace snakepit::core
