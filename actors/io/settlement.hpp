#pragma once

#include "actors/core/settling.hpp"
#include "actors/io/state_directory.hpp"

#include <snakepit/cleanup.hpp>

namespace snakepit::io {

/// Settles the debts of dead runs: finds their ledgers and processes, ends these, forgets those.
/// `own` is the lock of a ledger that the caller holds already, if it is one of those. Blocks, some
/// seconds at most.
cleanup_report settle(const ledger_place& place, const core::settler& self, const ledger_lock* own,
                      bool dry_run = false);

} // namespace snakepit::io
