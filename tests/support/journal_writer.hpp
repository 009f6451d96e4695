#pragma once

#include "actors/core/lane_page.hpp"

#include <cstring>
#include <deque>
#include <string_view>
#include <utility>

namespace snakepit::test {

/// Writes the journal of a lane page as the Python worker does.
class journal_writer {
public:
  explicit journal_writer(core::lane_page page) : page_{std::move(page)} {}

  /// False: there is no room before more is acknowledged.
  bool note(uint64_t seq, std::string_view data, uint32_t run_us = 5, bool is_message = false) {
    constexpr auto size = core::lane_page::journal_size;
    while (!marks_.empty() && marks_.front().first <= page_.acked()) {
      start_ = marks_.front().second;
      marks_.pop_front();
    }
    page_.set_journal(start_, written_);
    auto needed = (data.size() + 23) / 8 * 8;
    auto at = written_ % size;
    auto gap = needed > size - at ? size - at : 0;
    if (gap + needed > size - (written_ - start_))
      return false;
    if (gap > 0)
      put(at, "\0\0\0\0\0\0\0", 8);
    written_ += gap;
    at = written_ % size;
    put(at, &seq, sizeof seq);
    auto rest = std::pair{static_cast<uint32_t>(data.size()) | uint32_t{is_message} << 31, run_us};
    put(at + 8, &rest, sizeof rest);
    for (size_t i = 0; i < data.size(); i += 8)
      put(at + 16 + i, data.data() + i, std::min<size_t>(8, data.size() - i));
    written_ += needed;
    page_.set_journal(start_, written_);
    return true;
  }

  /// What was noted so far may be written over when `seq` is acknowledged.
  void mark(uint64_t seq) {
    marks_.emplace_back(seq, written_);
  }

private:
  void put(size_t at, const void* from, size_t n) {
    auto word = uint64_t{0};
    std::memcpy(&word, from, n);
    page_.set_journal_word(at / 8, word);
  }

  core::lane_page page_;
  uint64_t start_ = 0;
  uint64_t written_ = 0;
  std::deque<std::pair<uint64_t, uint64_t>> marks_;
};

} // namespace snakepit::test
