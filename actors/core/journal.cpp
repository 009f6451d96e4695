#include "actors/core/journal.hpp"

#include <cstring>

namespace snakepit::core {

namespace {

constexpr size_t size = lane_page::journal_size;
constexpr size_t header_size = 16;
constexpr uint32_t message_bit = uint32_t{1} << 31;

struct header {
  uint64_t seq;
  uint32_t size_and_kind;
  uint32_t run_us;
};
static_assert(sizeof(header) == header_size);

/// The ring as it was between `start` and `written`.
struct snapshot {
  uint64_t start = 0;
  uint64_t written = 0;
  std::vector<char> ring;
};

bool makes_sense(const snapshot& x) {
  return x.start <= x.written && x.written - x.start <= size && x.start % 8 == 0
         && x.written % 8 == 0;
}

bool take(const lane_page& page, snapshot& x) {
  x.start = page.journal_start();
  x.written = page.journal_written();
  if (!makes_sense(x))
    return true;
  x.ring.resize(size);
  for (auto at = x.start; at < x.written; at += 8) {
    auto word = page.journal_word(at % size / 8);
    std::memcpy(x.ring.data() + at % size, &word, sizeof word);
  }
  // The worker has not begun to write over any of it.
  return page.journal_start() == x.start;
}

std::vector<journal_entry> parse(const snapshot& x, uint64_t after) {
  auto result = std::vector<journal_entry>{};
  auto before = uint64_t{0};
  for (auto at = x.start; at < x.written;) {
    auto place = at % size;
    auto to_end = size - place;
    auto head = header{};
    if (to_end >= header_size)
      std::memcpy(&head, x.ring.data() + place, header_size);
    if (head.seq == 0) {
      at += to_end;
      continue;
    }
    auto length = size_t{head.size_and_kind & ~message_bit};
    auto whole = header_size + (length + 7) / 8 * 8;
    if (whole > to_end || whole > x.written - at || head.seq <= before)
      break;
    before = head.seq;
    if (head.seq > after)
      result.push_back({head.seq, head.run_us, (head.size_and_kind & message_bit) != 0,
                        std::string(x.ring.data() + place + header_size, length)});
    at += whole;
  }
  return result;
}

} // namespace

std::vector<journal_entry> read_journal(const lane_page& page, uint64_t after) {
  constexpr int tries = 3;
  auto found = snapshot{};
  for (int i = 0; i < tries; ++i)
    if (take(page, found))
      return makes_sense(found) ? parse(found, after) : std::vector<journal_entry>{};
  return {};
}

} // namespace snakepit::core
