#pragma once

#include <snakepit/error.hpp>
#include <snakepit/value.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit::core {

/// What a value is to a schema. An integer is its own kind: `"number"` allows both.
enum class value_kind : uint8_t {
  null,
  boolean,
  integer,
  number,
  string,
  array,
  object,
  bytes,
  marker
};

value_kind kind_of(const value& x) noexcept;

/// Some kinds of values.
class kind_set {
public:
  constexpr kind_set() noexcept = default;
  constexpr explicit kind_set(value_kind x) noexcept : bits_{bit(x)} {}
  static constexpr kind_set all() noexcept {
    kind_set x;
    x.bits_ = 0x1FF;
    return x;
  }

  constexpr bool has(value_kind x) const noexcept {
    return (bits_ & bit(x)) != 0;
  }
  constexpr kind_set& operator|=(kind_set x) noexcept {
    bits_ |= x.bits_;
    return *this;
  }
  constexpr kind_set& operator&=(kind_set x) noexcept {
    bits_ &= x.bits_;
    return *this;
  }
  friend constexpr bool operator==(kind_set, kind_set) noexcept = default;

  /// For people: "an integer or null".
  std::string text() const;

private:
  static constexpr uint16_t bit(value_kind x) noexcept {
    return static_cast<uint16_t>(1u << static_cast<unsigned>(x));
  }

  uint16_t bits_ = 0;
};

/// One schema, compiled: what docs/codec.md lists and nothing else.
struct schema_node {
  struct property {
    std::string name;
    bool required = false;
    std::unique_ptr<schema_node> node; ///< null: anything fits
    std::string default_text;          ///< for people, empty if there is none
  };

  kind_set kinds = kind_set::all();
  std::vector<property> properties; ///< required ones that have no schema included
  size_t required_count = 0;
  bool others_allowed = true;
  std::unique_ptr<schema_node> others; ///< of members that are no properties; null: anything
  std::unique_ptr<schema_node> items;  ///< null: anything
  bool has_choices = false;
  value::list choices; ///< of `enum` or `const`
  std::vector<schema_node> any_of;

  const property* find(std::string_view name) const noexcept {
    for (auto& p : properties)
      if (p.name == name)
        return &p;
    return nullptr;
  }
  /// Whether only the kind of a value matters.
  bool only_kinds() const noexcept {
    return properties.empty() && others_allowed && !others && !items && !has_choices
           && any_of.empty();
  }
};

/// Compiles a schema that was read as a value. Fails with `invalid_argument` and the path of a
/// keyword whose value makes no sense.
result<schema_node> compile_schema(const value& schema);

} // namespace snakepit::core
