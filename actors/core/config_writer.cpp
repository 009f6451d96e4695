#include "actors/core/config_writer.hpp"

#include "actors/core/config_fields.hpp"
#include "actors/core/config_rules.hpp"
#include "actors/core/spelling.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

/// Lines of YAML in which the keys of one section follow each other.
class document {
public:
  document(const config_reading& x, bool origins) : reading_{x}, origins_{origins} {}

  /// `path` leads to the section where places are noted; `first` stands before the first line, the
  /// others are indented as far.
  void section(const std::vector<config_key>& keys, const std::string& path,
               const std::string& first) {
    auto start = first;
    auto others = std::string(first.size(), ' ');
    auto open = std::string_view{};
    for (auto& key : keys) {
      if (key.rule.pool_only && path == "defaults.")
        continue;
      auto dot = key.name.find('.');
      auto parent = dot == std::string_view::npos ? std::string_view{} : key.name.substr(0, dot);
      if (parent != open && !parent.empty())
        text_ += std::exchange(start, others).append(parent) + ":\n";
      open = parent;
      text_ += std::exchange(start, others) + (parent.empty() ? "" : "  ");
      text_ += std::string{key.name.substr(parent.empty() ? 0 : dot + 1)} + ": "
               + to_yaml(key.field, key.rule);
      if (origins_)
        text_ += comment(path + std::string{key.name});
      text_ += '\n';
    }
  }

  void line(std::string_view text) {
    text_.append(text) += '\n';
  }

  std::string take() {
    return std::move(text_);
  }

private:
  std::string comment(const std::string& path) const {
    auto origin = quoted_line(line_of(origin_of(reading_, path)));
    return "  # " + origin;
  }

  /// A file's name may hold anything.
  static std::string quoted_line(std::string text) {
    for (auto& c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
        c = '?';
    return text;
  }

  const config_reading& reading_;
  bool origins_;
  std::string text_;
};

/// Text as it may stand in a cell of a table.
std::string cell(std::string_view text) {
  auto result = std::string{};
  for (auto c : text)
    result += c == '|' ? std::string{"\\|"} : std::string{c};
  return result;
}

std::string table(const std::vector<config_key>& keys, const std::string& prefix) {
  auto result = std::string{"| key | takes | default | meaning |\n|---|---|---|---|\n"};
  for (auto& key : keys)
    result += "| `" + prefix + std::string{key.name} + "` | " + cell(type_name(key.field, key.rule))
              + " | `" + cell(to_yaml(key.field, key.rule)) + "` | " + cell(key.meaning) + " |\n";
  return result;
}

std::string profile_table() {
  auto result = std::string{"| profile | call | stream | queue |\n|---|---|---|---|\n"};
  for (auto& name : timeout_profiles()) {
    auto x = find_timeout_profile(name).value();
    result += "| `" + name + "` | " + format_duration(x.call) + " | " + format_duration(x.stream)
              + " | " + format_duration(x.queue) + " |\n";
  }
  return result;
}

} // namespace

std::string write_config(const config_reading& original, bool origins) {
  // The table of keys binds to something it could write to.
  auto x = original;
  auto out = document{original, origins};
  out.section(keys_of(x.config), "", "");
  out.line("defaults:");
  out.section(keys_of(x.config.defaults), "defaults.", "  ");
  out.line(x.config.pools.empty() ? "pools: []" : "pools:");
  for (size_t i = 0; i < x.config.pools.size(); ++i)
    out.section(keys_of(x.config.pools[i]), "pools[" + std::to_string(i) + "].", "  - ");
  return out.take();
}

std::string config_reference() {
  auto x = config{};
  auto pool = pool_config{};
  return "## Keys\n\n" + table(keys_of(x), "") + "\n## Keys of a pool\n\n"
         + table(keys_of(pool), "pools[].") + "\n## Timeout profiles\n\n" + profile_table();
}

} // namespace snakepit::core
