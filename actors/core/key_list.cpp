#include "actors/core/key_list.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

namespace snakepit::core {

namespace {

constexpr size_t few = 8, table_size = 256, table_load = 128;

/// Cheap, and good enough for at most `table_load` keys: a flood of equal ones costs no more than
/// comparing all pairs.
uint8_t slot_of(std::string_view key) noexcept {
  uint64_t head = 0, tail = 0;
  auto n = std::min(key.size(), sizeof head);
  std::memcpy(&head, key.data(), n);
  std::memcpy(&tail, key.data() + key.size() - n, n);
  return static_cast<uint8_t>((head + 3 * tail + key.size()) * 0x9E3779B97F4A7C15 >> 56);
}

} // namespace

std::optional<std::string_view> key_list::find_duplicate(size_t base) const {
  auto count = size_ - base;
  if (count <= few)
    return compare_pairs(base);
  return count <= table_load ? compare_by_table(base) : compare_sorted(base);
}

std::optional<std::string_view> key_list::compare_pairs(size_t base) const {
  for (auto i = base + 1; i < size_; ++i)
    for (auto j = base; j < i; ++j)
      if (at(i) == at(j))
        return at(i);
  return std::nullopt;
}

std::optional<std::string_view> key_list::compare_by_table(size_t base) const {
  uint8_t table[table_size] = {}; // 1 + index behind base
  for (auto i = base; i < size_; ++i) {
    auto key = at(i);
    auto slot = slot_of(key);
    for (; table[slot] != 0; ++slot)
      if (at(base + table[slot] - 1) == key)
        return key;
    table[slot] = static_cast<uint8_t>(i - base + 1);
  }
  return std::nullopt;
}

// Sorted, not hashed into a table: whatever the keys are, the time is bounded.
std::optional<std::string_view> key_list::compare_sorted(size_t base) const {
  struct hashed {
    size_t hash;
    std::string_view key;
  };
  std::vector<hashed> keys;
  keys.reserve(size_ - base);
  for (auto i = base; i < size_; ++i)
    keys.push_back({std::hash<std::string_view>{}(at(i)), at(i)});
  std::sort(keys.begin(), keys.end(), [](const hashed& x, const hashed& y) {
    return x.hash != y.hash ? x.hash < y.hash : x.key < y.key;
  });
  auto twice = std::adjacent_find(keys.begin(), keys.end(), [](const hashed& x, const hashed& y) {
    return x.hash == y.hash && x.key == y.key;
  });
  return twice == keys.end() ? std::nullopt : std::optional{twice->key};
}

} // namespace snakepit::core
