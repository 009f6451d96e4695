#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace snakepit::core {

/// The keys of the maps that a reader is in, to find the ones that occur twice. Views. A map's
/// keys are those behind the size that the list had when the map began.
class key_list {
public:
  key_list() noexcept {} // leaves the first entries as they are: they cost more than a small text

  size_t size() const noexcept {
    return size_;
  }
  void push(std::string_view key) {
    if (size_ < inline_size)
      inline_[size_] = entry{key};
    else
      more_.push_back(entry{key});
    ++size_;
  }
  void truncate(size_t size) {
    size_ = size;
    more_.resize(size > inline_size ? size - inline_size : 0);
  }

  /// A key that stands twice behind `base`.
  std::optional<std::string_view> find_duplicate(size_t base) const;

private:
  struct entry {
    entry() noexcept = default;
    explicit entry(std::string_view key) noexcept : data{key.data()}, size{key.size()} {}
    std::string_view key() const noexcept {
      return {data, size};
    }

    const char* data;
    size_t size;
  };
  static constexpr size_t inline_size = 24;

  std::string_view at(size_t i) const noexcept {
    return i < inline_size ? inline_[i].key() : more_[i - inline_size].key();
  }
  std::optional<std::string_view> compare_pairs(size_t base) const;
  std::optional<std::string_view> compare_by_table(size_t base) const;
  std::optional<std::string_view> compare_sorted(size_t base) const;

  size_t size_ = 0;
  entry inline_[inline_size];
  std::vector<entry> more_;
};

} // namespace snakepit::core
