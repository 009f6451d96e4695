#pragma once

#include "actors/core/lane_page.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace snakepit::core {

/// One final that a worker noted in its lane page: what the call returned, whatever becomes of the
/// stream and of the process.
struct journal_entry {
  uint64_t seq = 0;
  uint32_t run_us = 0;
  /// `data` is a serialized snakepit.worker.v1.Results with this final in it; else the result
  /// itself (JSON text or raw bytes).
  bool is_message = false;
  std::string data;
};

/// Reads the entries with numbers above `after`, in their order. The ring holds entries of
///
///   number (8 bytes) | size, highest bit: is_message (4) | run time in us (4) | data | up to 8
///   bytes
///
/// in native byte order, none split: where less is left before the ring's end, or an entry has the
/// number 0, the next begins at its start. Words `journal_start` and `journal_written` count bytes
/// ever written: entries between them are there. The worker raises `journal_start` before it writes
/// over what lay below, and only for finals that were acknowledged.
///
/// May be called while the worker runs. Believes nothing: what makes no sense ends the reading.
std::vector<journal_entry> read_journal(const lane_page& page, uint64_t after);

} // namespace snakepit::core
