#pragma once

#include "actors/core/process_identity.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace snakepit::core {

/// What a worker process is for.
struct worker_key {
  std::string pool{};
  uint32_t slot = 0;
  uint32_t generation = 0;

  friend bool operator==(const worker_key&, const worker_key&) = default;
};

/// An entry of the ledger as it is written.
struct ledger_row {
  enum state_type : uint8_t { reserved, active, ended };

  uint64_t id = 0;
  worker_key key{};
  state_type state = reserved;
  process_identity process{}; ///< only of what is, or was, active
};

/// An entry of the ledger of processes goes through
///
///   reserved --activate--> active --end--> ended
///       +----------abandon-------------------^
///
/// and each step takes the entry before it, so that no other can be written down.
class ended_entry {
public:
  const ledger_row& row() const noexcept {
    return row_;
  }

private:
  friend class active_entry;
  friend class reserved_entry;
  explicit ended_entry(ledger_row x) : row_{std::move(x)} {
    row_.state = ledger_row::ended;
  }
  ledger_row row_;
};

/// Its process is there.
class active_entry {
public:
  active_entry(active_entry&&) = default;
  active_entry& operator=(active_entry&&) = default;

  ended_entry end() && {
    return ended_entry{std::move(row_)};
  }
  const ledger_row& row() const noexcept {
    return row_;
  }

private:
  friend class reserved_entry;
  active_entry(ledger_row x, process_identity who) : row_{std::move(x)} {
    row_.state = ledger_row::active;
    row_.process = std::move(who);
  }
  ledger_row row_;
};

/// Its process is about to be started.
class reserved_entry {
public:
  reserved_entry(uint64_t id, worker_key key) {
    row_.id = id;
    row_.key = std::move(key);
  }
  reserved_entry(reserved_entry&&) = default;
  reserved_entry& operator=(reserved_entry&&) = default;

  active_entry activate(process_identity who) && {
    return {std::move(row_), std::move(who)};
  }
  /// It was not started after all.
  ended_entry abandon() && {
    return ended_entry{std::move(row_)};
  }
  const ledger_row& row() const noexcept {
    return row_;
  }

private:
  ledger_row row_;
};

} // namespace snakepit::core
