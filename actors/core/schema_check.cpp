#include "actors/core/schema_check.hpp"

#include "actors/core/codec.hpp"
#include "actors/core/spelling.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

class checker {
public:
  /// `explain`: whether to say what does not fit.
  explicit checker(bool explain) noexcept : explain_{explain} {}

  bool check(const schema_node& node, const value& x);
  schema_misfit found() && {
    return std::move(found_);
  }

private:
  bool check_any_of(const schema_node& node, const value& x);
  bool check_list(const schema_node& node, const value::list& x);
  bool check_map(const schema_node& node, const value::map& x);
  bool check_required(const schema_node& node, const value::map& x);
  bool refuse_kind(const schema_node& node, const value& x);
  bool refuse_choice(const schema_node& node);
  bool refuse_member(const schema_node& node, const std::string& name);
  bool refuse(std::string message);

  const bool explain_;
  schema_misfit found_;
};

bool checker::check(const schema_node& node, const value& x) {
  if (!node.kinds.has(kind_of(x)))
    return !explain_ ? false : refuse_kind(node, x);
  if (node.has_choices
      && std::find(node.choices.begin(), node.choices.end(), x) == node.choices.end())
    return !explain_ ? false : refuse_choice(node);
  if (!node.any_of.empty() && !check_any_of(node, x))
    return false;
  if (auto list = x.get_if<value::list>())
    return check_list(node, *list);
  if (auto map = x.get_if<value::map>())
    return check_map(node, *map);
  return true;
}

bool checker::check_any_of(const schema_node& node, const value& x) {
  const schema_node* same_kind = nullptr;
  size_t count = 0;
  for (auto& option : node.any_of) {
    if (checker{false}.check(option, x))
      return true;
    if (option.kinds.has(kind_of(x))) {
      same_kind = &option;
      ++count;
    }
  }
  if (!explain_)
    return false;
  if (count == 1) // the one that was meant
    return check(*same_kind, x);
  return refuse("fits none of the " + std::to_string(node.any_of.size()) + " forms it may have");
}

bool checker::check_list(const schema_node& node, const value::list& x) {
  if (!node.items)
    return true;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!check(*node.items, x[i])) {
      if (explain_)
        found_.fault.in_element(i);
      return false;
    }
  }
  return true;
}

bool checker::check_map(const schema_node& node, const value::map& x) {
  for (auto& [name, member] : x) {
    auto property = node.find(name);
    if (property == nullptr && !node.others_allowed)
      return !explain_ ? false : refuse_member(node, name);
    auto schema = property != nullptr ? property->node.get() : node.others.get();
    if (schema != nullptr && !check(*schema, member)) {
      if (explain_)
        found_.fault.in_member(name);
      return false;
    }
  }
  return node.required_count == 0 || check_required(node, x);
}

bool checker::check_required(const schema_node& node, const value::map& x) {
  for (auto& property : node.properties) {
    if (!property.required || x.contains(property.name))
      continue;
    found_.missing = property.name;
    return refuse(in_quotes(property.name) + " is missing");
  }
  return true;
}

bool checker::refuse_kind(const schema_node& node, const value& x) {
  auto message = "must be " + node.kinds.text() + ", not " + kind_set{kind_of(x)}.text();
  if (node.kinds == kind_set{value_kind::bytes})
    message += R"(; in text bytes are {"$": ["base64", text]})";
  return refuse(std::move(message));
}

bool checker::refuse_choice(const schema_node& node) {
  constexpr size_t shown = 12;
  std::string message = node.choices.size() == 1 ? "must be " : "must be one of ";
  for (size_t i = 0; i < std::min(node.choices.size(), shown); ++i) {
    auto text = encode_for_people(node.choices[i]);
    message += (i == 0 ? "" : ", ") + (text ? shortened(*text) : "?");
  }
  return refuse(message + (node.choices.size() > shown ? ", ..." : ""));
}

bool checker::refuse_member(const schema_node& node, const std::string& name) {
  std::vector<std::string> names;
  for (auto& property : node.properties)
    names.push_back(property.name);
  auto message = "there is no " + in_quotes(name) + suggestion(name, names);
  found_.unexpected = name;
  refuse(std::move(message));
  found_.fault.in_member(name);
  return false;
}

bool checker::refuse(std::string message) {
  if (explain_)
    found_.fault = json_fault{std::move(message)};
  return false;
}

bool value_fits(json_reader& reader, const schema_node& node) {
  value x;
  return reader.build(x) && !reader.dollar() && checker{false}.check(node, x);
}

bool object_fits(json_reader& reader, const schema_node& node) {
  size_t required_seen = 0;
  bool good = reader.unique_members([&](std::string_view name) {
    if (name == "$")
      return false;
    auto property = node.find(name);
    if (property == nullptr && !node.others_allowed)
      return false;
    required_seen += property != nullptr && property->required;
    auto schema = property != nullptr ? property->node.get() : node.others.get();
    return schema != nullptr ? text_fits(reader, *schema) : reader.skip();
  });
  return good && required_seen == node.required_count;
}

bool list_fits(json_reader& reader, const schema_node& node) {
  return reader.elements(
    [&](size_t) { return node.items ? text_fits(reader, *node.items) : reader.skip(); });
}

} // namespace

std::optional<schema_misfit> find_misfit(const schema_node& node, const value& x) {
  checker c{true};
  if (c.check(node, x))
    return std::nullopt;
  return std::move(c).found();
}

bool text_fits(json_reader& reader, const schema_node& node) {
  if (node.has_choices || !node.any_of.empty())
    return value_fits(reader, node);
  auto allowed = [&](value_kind kind) { return node.kinds.has(kind); };
  switch (reader.peek()) {
  case '{':
    return allowed(value_kind::object) && object_fits(reader, node);
  case '[':
    return allowed(value_kind::array) && list_fits(reader, node);
  case '"':
    return allowed(value_kind::string) && reader.skip();
  case 't':
  case 'f':
    return allowed(value_kind::boolean) && reader.skip();
  case 'n':
    return allowed(value_kind::null) && reader.skip();
  default: {
    number_token token;
    return reader.read_number(token)
           && allowed(token.is_double ? value_kind::number : value_kind::integer);
  }
  }
}

} // namespace snakepit::core
