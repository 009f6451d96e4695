#include "actors/core/spelling.hpp"

#include "actors/core/utf8.hpp"

#include <algorithm>
#include <array>

namespace snakepit::core {

namespace {

/// Longer words are compared by their beginning: they come from outside, and the cost is quadratic.
constexpr size_t longest_compared = 64;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, longest_compared);
  b = b.substr(0, longest_compared);
  using row = std::array<size_t, longest_compared + 1>;
  auto before_last = row{};
  auto last = row{};
  auto current = row{};
  for (size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      auto same = lower(a[i - 1]) == lower(b[j - 1]);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2])
          && lower(a[i - 2]) == lower(b[j - 1]))
        current[j] = std::min(current[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = current;
  }
  return last[b.size()];
}

namespace {

/// Whether `word` is `whole` cut short: "warn".
bool abbreviates(std::string_view word, std::string_view whole) {
  return word.size() >= 3 && edit_distance(word, whole.substr(0, word.size())) == 0;
}

} // namespace

std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
  const std::string* best = nullptr;
  auto best_distance = std::clamp(word.size() / 3, size_t{1}, size_t{4}) + 1;
  for (auto& candidate : candidates) {
    auto distance = abbreviates(word, candidate) ? 1 : edit_distance(word, candidate);
    // A short candidate must keep some letter of its own.
    if (distance < best_distance && distance < candidate.size()) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best ? std::optional{*best} : std::nullopt;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  auto near = nearest(word, candidates);
  return near ? "; did you mean `" + *near + "`?" : std::string{};
}

std::string in_quotes(std::string_view word) {
  constexpr auto hex = std::string_view{"0123456789abcdef"};
  constexpr auto longest = size_t{60};
  auto result = std::string{"`"};
  for (size_t i = 0; i < word.size();) {
    auto length = utf8_sequence(word, i);
    auto byte = static_cast<unsigned char>(word[i]);
    // U+0080 to U+009F are control characters, too.
    auto control =
      byte < 0x20 || byte == 0x7f
      || (length == 2 && byte == 0xc2 && static_cast<unsigned char>(word[i + 1]) < 0xa0);
    if (i + std::max(length, size_t{1}) > longest)
      return result + "...`";
    if (length == 0 || control) {
      result += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
      ++i;
    } else {
      result.append(word.substr(i, length));
      i += length;
    }
  }
  return result + '`';
}

std::string listed(const std::vector<std::string>& words, std::string_view last) {
  auto result = std::string{};
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0)
      result.append(i + 1 == words.size() ? " " + std::string{last} + " " : ", ");
    result += in_quotes(words[i]);
  }
  return result;
}

} // namespace snakepit::core
