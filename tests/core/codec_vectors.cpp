#include "tests/core/codec_vectors.hpp"

#include <algorithm>
#include <bit>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>

#include <nlohmann/json.hpp>

// The vectors are read by another library than the one they test.
namespace codec_vectors {

namespace {

using nlohmann::json;
using snakepit::value;

std::string from_hex(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

std::string repeat(const json& pair) {
  std::string out;
  for (size_t i = 0; i < pair[1].get<size_t>(); ++i)
    out += pair[0].get<std::string>();
  return out;
}

std::string text_of(const json& x) {
  if (x.is_string())
    return x;
  std::string out;
  for (auto& piece : x)
    out += repeat(piece);
  return out;
}

double float_of(const std::string& text) {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  if (text == "nan")
    return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf" || text == "-inf")
    return text == "inf" ? infinity : -infinity;
  return std::strtod(text.c_str(), nullptr);
}

value integer_of(const std::string& text) {
  if (text.front() == '-')
    return static_cast<int64_t>(std::stoll(text));
  return static_cast<uint64_t>(std::stoull(text));
}

value value_of(const json& x);

value map_of(const json& members, bool hex_keys) {
  value::map out;
  for (auto& [key, member] : members.get<std::vector<std::pair<std::string, json>>>())
    out.emplace(hex_keys ? from_hex(key) : key, value_of(member));
  return out;
}

value list_of(const json& items) {
  value::list out;
  for (auto& item : items)
    out.push_back(value_of(item));
  return out;
}

value nested(size_t count, value inner, const std::string* key) {
  while (count-- > 0) {
    value outer = key == nullptr ? value{value::list(1)} : value{{*key, nullptr}};
    (key == nullptr ? outer.as<value::list>()[0] : outer.as<value::map>()[*key]) = std::move(inner);
    inner = std::move(outer);
  }
  return inner;
}

value value_of(const json& x) {
  auto kind = x.begin().key();
  auto& y = x.begin().value();
  if (kind == "null")
    return nullptr;
  if (kind == "bool")
    return y.get<bool>();
  if (kind == "int")
    return integer_of(y);
  if (kind == "float")
    return float_of(y);
  if (kind == "string")
    return y.get<std::string>();
  if (kind == "string_hex")
    return from_hex(y);
  if (kind == "bytes")
    return snakepit::bytes{from_hex(y)};
  if (kind == "list")
    return list_of(y);
  if (kind == "map" || kind == "map_hex")
    return map_of(y, kind == "map_hex");
  if (kind == "marker")
    return snakepit::marker{y[0], y[1]};
  if (kind == "marker_hex")
    return snakepit::marker{from_hex(y[0]), from_hex(y[1])};
  if (kind == "repeat_string")
    return repeat(y);
  if (kind == "repeat_list")
    return value::list(y[0].get<size_t>(), value_of(y[1]));
  if (kind == "nested_lists")
    return nested(y[0], value_of(y[1]), nullptr);
  if (kind == "nested_maps") {
    auto key = y[1].get<std::string>();
    return nested(y[0], value_of(y[2]), &key);
  }
  throw std::runtime_error{"unknown notation " + kind};
}

vector vector_of(const json& x) {
  vector v;
  v.name = x["name"];
  if (x.contains("value"))
    v.value = value_of(x["value"]);
  if (x.contains("text"))
    v.text = text_of(x["text"]);
  if (x.contains("text_hex"))
    v.text = from_hex(x["text_hex"]);
  for (auto& hex : x.value("attachments", json::array()))
    v.attachments.push_back(from_hex(hex));
  v.reason = x.value("reason", "");
  v.path = x.value("path", "");
  v.doc = x.value("doc", false);
  return v;
}

std::vector<vector> list_named(const json& x, const char* name) {
  std::vector<vector> out;
  for (auto& row : x.at(name))
    out.push_back(vector_of(row));
  if (out.empty())
    throw std::runtime_error{std::string{"no vectors in "} + name};
  return out;
}

} // namespace

std::string read_source_file(const std::string& path) {
  std::ifstream in{SNAKEPIT_SOURCE_ROOT "/" + path, std::ios::binary};
  if (!in)
    throw std::runtime_error{"cannot read " + path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

const file& all() {
  static const file instance = [] {
    auto x = json::parse(read_source_file("tests/data/codec_vectors.json"));
    return file{list_named(x, "valid"), list_named(x, "invalid_text"),
                list_named(x, "invalid_value"), list_named(x, "people_valid"),
                list_named(x, "people_invalid")};
  }();
  return instance;
}

bool same(const value& x, const value& y) {
  if (x.data().index() != y.data().index())
    return false;
  if (auto d = x.get_if<double>())
    return std::bit_cast<uint64_t>(*d) == std::bit_cast<uint64_t>(y.as<double>());
  if (auto list = x.get_if<value::list>())
    return std::equal(list->begin(), list->end(), y.as<value::list>().begin(),
                      y.as<value::list>().end(), same);
  if (auto map = x.get_if<value::map>())
    return std::equal(
      map->begin(), map->end(), y.as<value::map>().begin(), y.as<value::map>().end(),
      [](auto& a, auto& b) { return a.first == b.first && same(a.second, b.second); });
  return x == y;
}

} // namespace codec_vectors
