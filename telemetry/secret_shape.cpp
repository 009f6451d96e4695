#include "telemetry/secret_shape.hpp"

#include <algorithm>
#include <array>

namespace snakepit::telemetry {

namespace {

constexpr auto shortest_random = size_t{32};

bool is_alphanumeric(char c) {
  return is_letter(c) || is_digit(c);
}

/// Of base64 in both alphabets.
bool is_base64(char c) {
  return is_alphanumeric(c) || c == '+' || c == '/' || c == '-' || c == '_';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

size_t run_of(std::string_view text, bool (*of)(char)) {
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), of) - text.begin());
}

/// Keys that say what they are by how they begin.
bool has_known_prefix(std::string_view word) {
  constexpr auto prefixes = std::array<std::string_view, 14>{
    "ghp_",  "gho_", "ghs_",     "ghu_", "github_pat_", "glpat-", "xoxb-",
    "xoxp-", "sk-",  "sk_live_", "hf_",  "AKIA",        "ASIA",   "AIza"};
  return word.size() >= 20
         && std::any_of(prefixes.begin(), prefixes.end(),
                        [&](auto x) { return word.starts_with(x); })
         && std::any_of(word.begin(), word.end(), is_digit);
}

/// Random letters change between upper case, lower case and digits at 62 % of their places; names,
/// paths and identifiers at less than 35 %.
bool looks_random(std::string_view word) {
  auto kind = [](char c) {
    return is_digit(c) ? 0 : c >= 'a' && c <= 'z' ? 1 : is_letter(c) ? 2 : 3;
  };
  auto seen = std::array<bool, 4>{};
  auto pairs = size_t{0};
  auto changes = size_t{0};
  for (size_t i = 0; i < word.size(); ++i) {
    auto now = kind(word[i]);
    seen[static_cast<size_t>(now)] = true;
    auto last = i == 0 ? 3 : kind(word[i - 1]);
    if (now == 3 || last == 3)
      continue;
    ++pairs;
    changes += now != last;
  }
  return seen[0] && seen[1] && seen[2] && changes * 5 >= pairs * 2;
}

bool is_hex_secret(std::string_view word) {
  return word.size() >= shortest_random && std::all_of(word.begin(), word.end(), is_hex)
         && std::any_of(word.begin(), word.end(), is_letter)
         && std::any_of(word.begin(), word.end(), is_digit);
}

} // namespace

size_t secret_length(std::string_view text, char before) noexcept {
  if (text.empty() || !is_base64(text[0]))
    return 0;
  if (!is_base64(before)) {
    auto length = run_of(text, is_base64);
    auto word = text.substr(0, length);
    if (word.starts_with("eyJ") && length >= 16) // `{"` in base64: a JSON web token
      return run_of(text, [](char c) { return is_base64(c) || c == '.' || c == '='; });
    if (has_known_prefix(word))
      return length;
    if (length >= shortest_random && looks_random(word))
      return length + run_of(text.substr(length, 2), [](char c) { return c == '='; });
  }
  if (is_alphanumeric(before))
    return 0;
  auto length = run_of(text, is_alphanumeric);
  return is_hex_secret(text.substr(0, length)) ? length : 0;
}

} // namespace snakepit::telemetry
