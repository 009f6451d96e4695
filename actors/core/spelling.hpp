#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit::core {

/// How many letters must be changed, added, dropped or swapped with their neighbour to make `b` of
/// `a`; upper and lower case count as equal.
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that `word` was probably meant to be; nothing if none is near. Of two equally near
/// ones the first.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

/// "; did you mean `pools`?", or nothing, to put behind a message.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

/// `word` from outside as it may stand in a message of one line: in backticks, control characters
/// and bytes that are not UTF-8 as \xNN, cut after 60 bytes.
std::string in_quotes(std::string_view word);

/// Words for a sentence: "`a`, `b` and `c`".
std::string listed(const std::vector<std::string>& words, std::string_view last = "and");

} // namespace snakepit::core
