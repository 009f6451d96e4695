#pragma once

#include <snakepit/config.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace snakepit::core {

using words = std::vector<std::string>;

// What a key holds, and where in the configuration it is kept.

struct text_field {
  std::string* at;
};
/// One of some words.
struct word_field {
  std::string* at;
  words allowed;
};
/// One of some words, or a whole number in digits.
struct word_or_count_field {
  std::string* at;
  words allowed;
};
struct texts_field {
  std::vector<std::string>* at;
};
struct text_map_field {
  std::map<std::string, std::string>* at;
};
/// Name to one of some words.
struct word_map_field {
  std::map<std::string, std::string>* at;
  words allowed;
};
struct flag_field {
  bool* at;
};
/// A number from 0 to 1.
struct share_field {
  double* at;
};
struct count_field {
  size_t* at;
};
struct optional_count_field {
  std::optional<size_t>* at;
};
struct size_field {
  uint64_t* at;
};
struct duration_field {
  duration* at;
};
struct optional_duration_field {
  std::optional<duration>* at;
};
struct durations_field {
  std::vector<duration>* at;
};
using config_field =
  std::variant<text_field, word_field, texts_field, text_map_field, word_map_field, count_field,
               optional_count_field, size_field, duration_field, optional_duration_field,
               durations_field, word_or_count_field, flag_field, share_field>;

/// What must hold of a key's value beyond its type.
struct key_rule {
  bool positive = false;  ///< zero is refused
  bool infinite = false;  ///< a duration may be `infinite`
  bool null = false;      ///< empty text is written `null`
  bool name = false;      ///< the rule for names holds
  bool pool_only = false; ///< may not stand in `defaults`
};

struct config_key {
  /// Dotted: "queue.max_calls".
  std::string_view name;
  config_field field;
  key_rule rule;
  /// What it means, for people who configure; ends with a full stop.
  std::string_view meaning;
};

/// The table of keys, bound to `x`: reading, showing, checking and documenting go by it and know no
/// key themselves. Keys of one section follow each other. The bindings live as long as `x`.
std::vector<config_key> keys_of(config& x);

/// The same for one pool; these may stand in `defaults`, too.
std::vector<config_key> keys_of(pool_config& x);

/// Levels of the log, from the most to the least talkative.
const words& log_levels();

/// Names of the timeout profiles.
const words& timeout_profiles();

} // namespace snakepit::core
