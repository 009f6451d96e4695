#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace snakepit {

/// Binary data: what Python sees as `bytes`.
struct bytes {
  std::string data;

  friend bool operator==(const bytes&, const bytes&) = default;
};

/// Stands in a result for an object that has no representation in JSON.
struct marker {
  std::string type; ///< qualified name of the Python class
  std::string text; ///< empty unless the pool is configured to send it

  friend bool operator==(const marker&, const marker&) = default;
};

/// An argument or result of a Python tool: what JSON can hold plus `bytes`. Integers stay integers,
/// booleans stay booleans; an integer above the int64 range is held as uint64. A regular type.
///
/// Integers compare by their number whatever their width; a double never equals an integer.
class value {
public:
  using list = std::vector<value>;
  using map = std::map<std::string, value, std::less<>>;
  using variant = std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, bytes,
                               list, map, marker>;

  value() noexcept = default; ///< null
  value(std::nullptr_t) noexcept {}
  value(bool x) : data_{x} {}
  value(int x) : data_{int64_t{x}} {}
  value(long x) : data_{int64_t{x}} {}
  value(long long x) : data_{int64_t{x}} {}
  value(unsigned x) : data_{int64_t{x}} {}
  value(unsigned long x) : value(static_cast<unsigned long long>(x)) {}
  value(unsigned long long x) {
    if (x <= static_cast<unsigned long long>(INT64_MAX))
      data_ = static_cast<int64_t>(x);
    else
      data_ = static_cast<uint64_t>(x);
  }
  value(double x) : data_{x} {}
  /// Zero-terminated, not null.
  value(const char* x) : data_{std::string{x}} {}
  /// A pointer is no bool, a letter is no number.
  template <class T>
  requires(!std::is_same_v<std::remove_cv_t<T>, char>) value(T*)
  = delete;
  value(char) = delete;
  value(std::string_view x) : data_{std::string{x}} {}
  value(std::string x) : data_{std::move(x)} {}
  value(bytes x) : data_{std::move(x)} {}
  value(list x) : data_{std::move(x)} {}
  value(map x) : data_{std::move(x)} {}
  value(marker x) : data_{std::move(x)} {}
  /// A map: `value{{"text", "hi"}, {"n", 3}}`.
  value(std::initializer_list<map::value_type> xs) : data_{map{xs}} {}

  template <class T>
  bool is() const noexcept {
    return std::holds_alternative<T>(data_);
  }
  bool is_null() const noexcept {
    return is<std::monostate>();
  }
  bool is_integer() const noexcept {
    return is<int64_t>() || is<uint64_t>();
  }

  /// The value as `T`, one of the alternatives. Throws std::bad_variant_access.
  template <class T>
  const T& as() const {
    return std::get<T>(data_);
  }
  template <class T>
  T& as() {
    return std::get<T>(data_);
  }
  /// The value as `T`, or null.
  template <class T>
  const T* get_if() const noexcept {
    return std::get_if<T>(&data_);
  }

  /// The number as a double, whether it is an integer or not. Throws std::bad_variant_access.
  double to_double() const {
    if (auto* i = get_if<int64_t>())
      return static_cast<double>(*i);
    if (auto* u = get_if<uint64_t>())
      return static_cast<double>(*u);
    return as<double>();
  }

  /// A member of a map. Throws std::bad_variant_access if this is no map, std::out_of_range if it
  /// has no such key.
  const value& at(std::string_view key) const {
    auto& m = as<map>();
    auto i = m.find(key);
    if (i == m.end())
      throw std::out_of_range("no key \"" + std::string{key} + "\"");
    return i->second;
  }
  /// An element of a list. Throws std::bad_variant_access or std::out_of_range.
  const value& at(size_t index) const {
    return as<list>().at(index);
  }

  const variant& data() const noexcept {
    return data_;
  }

  friend bool operator==(const value&, const value&) = default;

private:
  variant data_;
};

} // namespace snakepit
