#include "actors/core/batch_count.hpp"

#include <algorithm>

namespace snakepit::core {

namespace {

constexpr std::chrono::milliseconds first_pause{100};
constexpr unsigned longest_shift = 6;
constexpr uint64_t node_bytes = 16;

uint64_t bytes_of(const value& x) {
  if (auto* text = x.get_if<std::string>())
    return node_bytes + text->size();
  if (auto* data = x.get_if<bytes>())
    return node_bytes + data->data.size();
  auto sum = node_bytes;
  if (auto* list = x.get_if<value::list>())
    for (auto& one : *list)
      sum += bytes_of(one);
  if (auto* map = x.get_if<value::map>())
    for (auto& [name, one] : *map)
      sum += name.size() + bytes_of(one);
  return sum;
}

} // namespace

std::chrono::nanoseconds batch_count::pause(const error* why, unsigned attempt) {
  if (!why || !why->retryable || attempt >= retries_)
    return std::chrono::nanoseconds{-1};
  ++report_.retried;
  return first_pause * (1 << std::min(attempt, longest_shift));
}

void batch_count::ended(uint64_t index, const error* why) {
  if (!why) {
    ++report_.succeeded;
    return;
  }
  ++report_.failed;
  // Every other item would fail as well.
  hopeless_ |= why->reason == reason::pool_failed || why->reason == reason::draining;
  if (report_.first_errors.size() < batch_errors_kept)
    report_.first_errors.push_back({index, *why});
}

uint64_t bytes_of(const arguments& x) {
  if (auto* text = std::get_if<json_text>(&x))
    return text->text.size();
  if (auto* raw = std::get_if<raw_bytes>(&x))
    return raw->data.size();
  return bytes_of(std::get<value>(x));
}

uint64_t bytes_of(const payload& x) {
  auto sum = uint64_t{x.text().size()};
  for (auto& data : x.attachments())
    sum += data.size();
  return sum;
}

} // namespace snakepit::core
