#include "actors/core/call_options.hpp"

#include <array>

namespace snakepit {

namespace {

constexpr auto priority_words = std::array<std::string_view, 3>{"high", "normal", "low"};
constexpr auto affinity_words =
  std::array<std::string_view, 3>{"hint", "strict_queue", "strict_fail_fast"};

} // namespace

std::optional<priority> find_priority(std::string_view word) {
  for (size_t i = 0; i < priority_words.size(); ++i)
    if (priority_words[i] == word)
      return static_cast<priority>(i);
  return std::nullopt;
}

std::string_view to_string(priority x) {
  auto i = static_cast<size_t>(x);
  return i < priority_words.size() ? priority_words[i] : "?";
}

std::optional<affinity> find_affinity(std::string_view word) {
  for (size_t i = 0; i < affinity_words.size(); ++i)
    if (affinity_words[i] == word)
      return static_cast<affinity>(i);
  return std::nullopt;
}

std::string_view to_string(affinity x) {
  auto i = static_cast<size_t>(x);
  return i < affinity_words.size() ? affinity_words[i] : "?";
}

namespace core {

std::optional<error> check_options(const call_options& x) {
  if (static_cast<size_t>(x.priority) >= priority_words.size())
    return error{reason::invalid_argument, "there is no such priority"};
  if (x.tenant.size() > most_tenant_bytes)
    return error{reason::invalid_argument, "the tenant's name is longer than "
                                             + std::to_string(most_tenant_bytes) + " bytes"};
  if (x.session.size() > most_session_bytes)
    return error{reason::invalid_argument, "the session's id is longer than "
                                             + std::to_string(most_session_bytes) + " bytes"};
  if (x.affinity && static_cast<size_t>(*x.affinity) >= affinity_words.size())
    return error{reason::invalid_argument, "there is no such affinity"};
  return std::nullopt;
}

error cancelled(const call& x, bool caller_gone) {
  if (caller_gone)
    return {reason::caller_gone, "whoever called `" + x.group->tool + "` is gone"};
  return {reason::cancelled, "the caller cancelled `" + x.group->tool + "`"};
}

} // namespace core

} // namespace snakepit
