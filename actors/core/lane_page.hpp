#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace snakepit::core {

/// One lane's section of the worker's lane page: memory that host and worker share, so that each
/// can tell how far the other is without a message. All words are 64 bits, aligned, written whole,
/// in native byte order.
///
/// | word | written by | meaning |
/// |------|------------|---------|
/// | 0    | host, once | `magic` |
/// | 8    | worker     | claimed: highest number whose run began |
/// | 9    | worker     | done: highest number whose run ended (its final is made) |
/// | 10   | worker     | started_ns: CLOCK_MONOTONIC when `claimed` was claimed |
/// | 11   | worker     | journal_written: bytes ever written to the journal |
/// | 12   | worker     | journal_start: of these, those before it are not kept |
/// | 13   | worker     | in_step: 1 while a coroutine of the call is executed (see on_loop) |
/// | 16   | host       | limit: highest number that may be claimed |
/// | 17   | both       | cancel: the number whose run is to be interrupted, 0: none |
/// | 18   | host       | acked: highest number whose final the host has |
///
/// The journal of finals follows at `journal_offset`. Sections are `section_size` apart; lane n's
/// begins at n * section_size.
///
/// A view that keeps its memory. Reads and writes are atomic; any thread.
class lane_page {
public:
  static constexpr uint64_t magic = 0x31304e4c5449504e; // "NPITLN01"
  static constexpr size_t journal_offset = 4096;
  static constexpr size_t journal_size = 65536;
  static constexpr size_t section_size = journal_offset + journal_size;
  static constexpr uint64_t no_limit = UINT64_MAX;

  static constexpr size_t word_claimed = 8;
  static constexpr size_t word_done = 9;
  static constexpr size_t word_started_ns = 10;
  static constexpr size_t word_journal_written = 11;
  static constexpr size_t word_journal_start = 12;
  static constexpr size_t word_in_step = 13;
  static constexpr size_t word_limit = 16;
  static constexpr size_t word_cancel = 17;
  static constexpr size_t word_acked = 18;

  lane_page() = default;
  /// `section` points to `section_size` bytes that live as long as `memory` or, without it, as the
  /// view.
  explicit lane_page(void* section, std::shared_ptr<const void> memory = {})
    : words_{static_cast<uint64_t*>(section)}, memory_{std::move(memory)} {}

  explicit operator bool() const noexcept {
    return words_ != nullptr;
  }

  /// What the host writes before the worker is started.
  void prepare() {
    store(0, magic);
    store(word_limit, no_limit);
  }

  uint64_t claimed() const noexcept {
    return load(word_claimed);
  }
  uint64_t done() const noexcept {
    return load(word_done);
  }
  uint64_t started_ns() const noexcept {
    return load(word_started_ns);
  }
  uint64_t journal_written() const noexcept {
    return load(word_journal_written);
  }
  uint64_t journal_start() const noexcept {
    return load(word_journal_start);
  }
  bool in_step() const noexcept {
    return load(word_in_step) != 0;
  }
  /// 8 bytes of the journal's ring.
  uint64_t journal_word(size_t i) const noexcept {
    return load(journal_offset / sizeof(uint64_t) + i);
  }
  uint64_t limit() const noexcept {
    return load(word_limit);
  }
  uint64_t cancel() const noexcept {
    return load(word_cancel);
  }
  uint64_t acked() const noexcept {
    return load(word_acked);
  }

  void set_limit(uint64_t x) noexcept {
    store(word_limit, x);
  }
  void set_cancel(uint64_t x) noexcept {
    store(word_cancel, x);
  }
  void set_acked(uint64_t x) noexcept {
    store(word_acked, x);
  }

  /// For tests that play the worker.
  void set_claimed(uint64_t x) noexcept {
    store(word_claimed, x);
  }
  void set_done(uint64_t x) noexcept {
    store(word_done, x);
  }
  void set_in_step(bool x) noexcept {
    store(word_in_step, x);
  }
  void set_journal(uint64_t start, uint64_t written) noexcept {
    store(word_journal_start, start);
    store(word_journal_written, written);
  }
  void set_journal_word(size_t i, uint64_t x) noexcept {
    store(journal_offset / sizeof(uint64_t) + i, x);
  }

private:
  uint64_t load(size_t word) const noexcept {
    return std::atomic_ref<uint64_t>{words_[word]}.load(std::memory_order_seq_cst);
  }
  void store(size_t word, uint64_t x) noexcept {
    std::atomic_ref<uint64_t>{words_[word]}.store(x, std::memory_order_seq_cst);
  }

  uint64_t* words_ = nullptr;
  std::shared_ptr<const void> memory_;
};

} // namespace snakepit::core
