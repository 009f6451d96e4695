#include "actors/core/codec.hpp"
#include "actors/core/schema_node.hpp"

#include <algorithm>
#include <array>

namespace snakepit::core {

namespace {

struct kind_word {
  value_kind kind;
  std::string_view word;
  std::string_view with_article;
};

constexpr std::array<kind_word, 9> kind_words{{
  {value_kind::null, "null", "null"},
  {value_kind::boolean, "boolean", "a boolean"},
  {value_kind::integer, "integer", "an integer"},
  {value_kind::number, "number", "a number"},
  {value_kind::string, "string", "a string"},
  {value_kind::array, "array", "a list"},
  {value_kind::object, "object", "an object"},
  {value_kind::bytes, "", "bytes"},
  {value_kind::marker, "", "a marker"},
}};

/// Recursive: a schema that was read is not deeper than a value may be.
class compiler {
public:
  bool compile(const value& schema, schema_node& out);
  const json_fault& fault() const noexcept {
    return fault_;
  }

private:
  using keyword = bool (compiler::*)(const value&, schema_node&);
  struct row {
    const char* name;
    keyword compile;
  };

  bool keyword_type(const value& x, schema_node& out);
  bool keyword_bytes(const value& x, schema_node& out);
  bool keyword_properties(const value& x, schema_node& out);
  bool keyword_required(const value& x, schema_node& out);
  bool keyword_others(const value& x, schema_node& out);
  bool keyword_items(const value& x, schema_node& out);
  bool keyword_enum(const value& x, schema_node& out);
  bool keyword_const(const value& x, schema_node& out);
  bool keyword_any_of(const value& x, schema_node& out);

  bool add_type(const value& word, kind_set& out);
  bool compile(const value& schema, std::unique_ptr<schema_node>& out);
  bool fail(std::string message);

  json_fault fault_;
};

bool compiler::compile(const value& schema, schema_node& out) {
  static constexpr row rows[] = {
    {"type", &compiler::keyword_type},
    {"x-snakepit-type", &compiler::keyword_bytes},
    {"properties", &compiler::keyword_properties},
    {"required", &compiler::keyword_required},
    {"additionalProperties", &compiler::keyword_others},
    {"items", &compiler::keyword_items},
    {"enum", &compiler::keyword_enum},
    {"const", &compiler::keyword_const},
    {"anyOf", &compiler::keyword_any_of},
  };
  auto map = schema.get_if<value::map>();
  if (map == nullptr)
    return fail("a schema must be an object");
  for (auto& [name, compile_keyword] : rows) {
    auto found = map->find(name);
    if (found != map->end() && !(this->*compile_keyword)(found->second, out)) {
      fault_.in_member(name);
      return false;
    }
  }
  return true;
}

// Null if anything fits.
bool compiler::compile(const value& schema, std::unique_ptr<schema_node>& out) {
  auto node = std::make_unique<schema_node>();
  if (!compile(schema, *node))
    return false;
  if (!node->only_kinds() || node->kinds != kind_set::all())
    out = std::move(node);
  return true;
}

bool compiler::add_type(const value& word, kind_set& out) {
  auto text = word.get_if<std::string>();
  auto known = text == nullptr || text->empty()
                 ? kind_words.end()
                 : std::find_if(kind_words.begin(), kind_words.end(),
                                [&](auto& row) { return row.word == *text; });
  if (known == kind_words.end())
    return fail("must be a type that JSON has");
  out |= kind_set{known->kind};
  if (known->kind == value_kind::number)
    out |= kind_set{value_kind::integer};
  return true;
}

bool compiler::keyword_type(const value& x, schema_node& out) {
  kind_set allowed;
  if (auto list = x.get_if<value::list>()) {
    for (auto& word : *list)
      if (!add_type(word, allowed))
        return false;
  } else if (!add_type(x, allowed)) {
    return false;
  }
  out.kinds &= allowed;
  return true;
}

bool compiler::keyword_bytes(const value& x, schema_node& out) {
  if (x == value{"bytes"})
    out.kinds &= kind_set{value_kind::bytes};
  return true;
}

bool compiler::keyword_properties(const value& x, schema_node& out) {
  auto map = x.get_if<value::map>();
  if (map == nullptr)
    return fail("must be an object");
  for (auto& [name, schema] : *map) {
    auto& property = out.properties.emplace_back();
    property.name = name;
    if (!compile(schema, property.node)) {
      fault_.in_member(name);
      return false;
    }
    auto& keywords = schema.as<value::map>();
    if (auto found = keywords.find("default"); found != keywords.end())
      property.default_text = shortened(encode_for_people(found->second).value_or("?"));
  }
  return true;
}

bool compiler::keyword_required(const value& x, schema_node& out) {
  auto list = x.get_if<value::list>();
  if (list == nullptr)
    return fail("must be a list");
  for (auto& item : *list) {
    auto name = item.get_if<std::string>();
    if (name == nullptr)
      return fail("must be a list of strings");
    auto found = std::find_if(out.properties.begin(), out.properties.end(),
                              [&](auto& p) { return p.name == *name; });
    if (found == out.properties.end()) {
      out.properties.push_back({*name, false, nullptr, {}});
      found = out.properties.end() - 1;
    }
    out.required_count += !found->required;
    found->required = true;
  }
  return true;
}

bool compiler::keyword_others(const value& x, schema_node& out) {
  if (auto allowed = x.get_if<bool>()) {
    out.others_allowed = *allowed;
    return true;
  }
  return compile(x, out.others);
}

bool compiler::keyword_items(const value& x, schema_node& out) {
  return compile(x, out.items);
}

bool compiler::keyword_enum(const value& x, schema_node& out) {
  auto list = x.get_if<value::list>();
  if (list == nullptr)
    return fail("must be a list");
  out.has_choices = true;
  out.choices = *list;
  return true;
}

bool compiler::keyword_const(const value& x, schema_node& out) {
  if (out.has_choices)
    return fail("cannot stand beside `enum`");
  out.has_choices = true;
  out.choices = {x};
  return true;
}

bool compiler::keyword_any_of(const value& x, schema_node& out) {
  auto list = x.get_if<value::list>();
  if (list == nullptr || list->empty())
    return fail("must be a list that is not empty");
  kind_set allowed;
  bool only_kinds = true;
  for (size_t i = 0; i < list->size(); ++i) {
    auto& option = out.any_of.emplace_back();
    if (!compile((*list)[i], option)) {
      fault_.in_element(i);
      return false;
    }
    allowed |= option.kinds;
    only_kinds &= option.only_kinds();
  }
  out.kinds &= allowed;
  if (only_kinds) // `Optional[int]` is checked like a type
    out.any_of.clear();
  return true;
}

bool compiler::fail(std::string message) {
  fault_ = json_fault{std::move(message)};
  return false;
}

} // namespace

value_kind kind_of(const value& x) noexcept {
  // In the order of value::variant.
  constexpr value_kind kinds[] = {value_kind::null,    value_kind::boolean, value_kind::integer,
                                  value_kind::integer, value_kind::number,  value_kind::string,
                                  value_kind::bytes,   value_kind::array,   value_kind::object,
                                  value_kind::marker};
  static_assert(std::size(kinds) == std::variant_size_v<value::variant>);
  return kinds[x.data().index()];
}

std::string kind_set::text() const {
  std::vector<std::string_view> words;
  for (auto& row : kind_words)
    if (has(row.kind) && !(row.kind == value_kind::integer && has(value_kind::number)))
      words.push_back(row.with_article);
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i != 0)
      out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

result<schema_node> compile_schema(const value& schema) {
  compiler c;
  schema_node node;
  if (!c.compile(schema, node))
    return tl::unexpected<error>{c.fault().to_error(reason::invalid_argument)};
  return node;
}

} // namespace snakepit::core
