#include "actors/cli/arguments.hpp"

#include "actors/cli/report.hpp"

#include <snakepit/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <vector>

namespace snakepit::cli {

namespace {

constexpr std::string_view blanks = " \t\r\n";
/// No call is larger; it is what keeps `@/dev/zero` from taking all memory.
constexpr size_t most_read = size_t{1} << 30;

std::string_view trimmed(std::string_view x) {
  auto begin = x.find_first_not_of(blanks);
  if (begin == std::string_view::npos)
    return {};
  return x.substr(begin, x.find_last_not_of(blanks) - begin + 1);
}

// A key "$", also when it is written with an escape.
bool has_dollar_key(std::string_view json) {
  for (auto at = json.find("\"$\""); at != std::string_view::npos;
       at = json.find("\"$\"", at + 1)) {
    auto next = json.find_first_not_of(blanks, at + 3);
    if (next != std::string_view::npos && json[next] == ':')
      return true;
  }
  return json.find("\\u0024") != std::string_view::npos;
}

bool is_identifier(std::string_view x) {
  auto letter = [](unsigned char c) { return std::isalpha(c) || c == '_' || c >= 0x80; };
  return !x.empty() && letter(static_cast<unsigned char>(x[0]))
         && std::all_of(x.begin(), x.end(),
                        [&](unsigned char c) { return letter(c) || std::isdigit(c); });
}

result<std::string> slurp(std::istream& in, const std::string& name) {
  std::string out;
  auto block = std::vector<char>(size_t{64} << 10);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    out.append(block.data(), static_cast<size_t>(in.gcount()));
    if (out.size() > most_read)
      return fail(reason::too_large, name + " has more than 1 GiB");
  }
  if (in.bad())
    return fail(reason::invalid_argument, "cannot read " + name + ": " + std::strerror(errno));
  return out;
}

result<std::string> read_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return fail(reason::invalid_argument, "cannot read " + path + ": it is a folder");
  std::ifstream in{path, std::ios::binary};
  if (!in)
    return fail(reason::invalid_argument, "cannot read " + path + ": " + std::strerror(errno));
  return slurp(in, path);
}

// JSON if it parses as JSON, else text.
result<std::string> json_of(const std::string& key, const std::string& text) {
  if (parse_json(text))
    return text;
  auto quoted = to_json(value{text});
  if (!quoted)
    return fail(reason::invalid_argument, "the argument " + key + " is not UTF-8 text");
  return quoted;
}

result<std::string> object_of(const std::vector<std::string>& words) {
  std::set<std::string> seen;
  std::string out;
  for (auto& word : words) {
    auto equals = word.find('=');
    auto key = word.substr(0, equals);
    if (equals == std::string::npos || !is_identifier(key))
      return fail(reason::invalid_argument, "what is " + json_string(word)
                                              + "? Arguments are key=value words or one JSON "
                                                "object");
    if (!seen.insert(key).second)
      return fail(reason::invalid_argument, "the argument " + key + " is given twice");
    auto name = to_json(value{key});
    auto json = json_of(key, word.substr(equals + 1));
    if (!name || !json)
      return name ? json : fail(reason::invalid_argument, "an argument's name is not UTF-8 text");
    out += (out.empty() ? "{" : ", ") + *name + ": " + *json;
  }
  return out.empty() ? "{}" : out + "}";
}

result<std::string> checked(result<std::string> text, const std::string& name) {
  if (!text)
    return text;
  if (auto parsed = parse_json(*text); !parsed) {
    parsed.error().message = name + " is not valid JSON: " + parsed.error().message;
    return tl::unexpected{std::move(parsed.error())};
  }
  return text;
}

} // namespace

tool_shape shape_of(const tool_description& x) {
  tool_shape out;
  auto schema = parse_json(x.schema);
  if (!schema || !schema->is<value::map>())
    return out;
  auto& map = schema->as<value::map>();
  auto required = map.find("required");
  if (required == map.end() || !required->second.is<value::list>())
    return out;
  auto& names = required->second.as<value::list>();
  if (names.size() == 1 && names[0].is<std::string>())
    out.single = names[0].as<std::string>();
  return out;
}

result<tool_shape> find_tool(const std::vector<tool_description>& tools, const std::string& name,
                             const std::string& adapter) {
  std::string known;
  for (auto& x : tools) {
    if (x.name == name)
      return shape_of(x);
    known += (known.empty() ? "" : ", ") + x.name;
  }
  return fail(reason::unknown_tool,
              adapter + " has no tool `" + name + "`; it has " + (known.empty() ? "none" : known),
              {{"tool", name}});
}

result<arguments> to_arguments(std::string_view json, const tool_shape& tool) {
  json = trimmed(json);
  bool object = !json.empty() && json[0] == '{';
  if (object && !has_dollar_key(json))
    return json_text{std::string{json}};
  auto parsed = parse_json(json);
  if (!parsed)
    return tl::unexpected{std::move(parsed.error())};
  if (parsed->is<value::map>())
    return result<arguments>{tl::in_place, std::in_place_type<value>, std::move(*parsed)};
  if (tool.single.empty())
    return fail(reason::invalid_argument,
                "arguments must be a JSON object: the tool has not exactly one required parameter");
  value::map wrapped;
  wrapped.emplace(tool.single, std::move(*parsed));
  return result<arguments>{tl::in_place, std::in_place_type<value>, std::move(wrapped)};
}

result<std::string> read_arguments(const std::vector<std::string>& words) {
  if (words.size() != 1)
    return object_of(words);
  auto& word = words[0];
  if (word == "-")
    return checked(slurp(std::cin, "stdin"), "stdin");
  if (word.starts_with('@'))
    return checked(read_file(word.substr(1)), word.substr(1));
  if (is_identifier(word.substr(0, word.find('='))) && word.find('=') != std::string::npos)
    return object_of(words);
  return checked(word, "the argument " + json_string(word.substr(0, 60)));
}

std::string absolute_adapter(const std::string& adapter) {
  auto slash = adapter.rfind('/');
  auto colon = adapter.find(':', slash == std::string::npos ? 0 : slash);
  auto file = adapter.substr(0, colon);
  std::error_code ignored;
  if (slash == std::string::npos
      && !(file.ends_with(".py") && std::filesystem::is_regular_file(file, ignored)))
    return adapter;
  auto absolute = std::filesystem::absolute(file, ignored).lexically_normal().string();
  return absolute + (colon == std::string::npos ? "" : adapter.substr(colon));
}

} // namespace snakepit::cli
