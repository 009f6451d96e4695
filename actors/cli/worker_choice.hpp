#pragma once

#include <snakepit/error.hpp>
#include <snakepit/runtime.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace snakepit::cli {

/// What a WORKER on the command line means.
struct worker_choice {
  std::string pool;             ///< empty: the pool called "default", or the only one
  std::optional<uint32_t> slot; ///< none: all of the pool
  bool all = false;             ///< of all pools
};

/// "POOL/SLOT", "SLOT", "POOL", or nothing for all. invalid_argument for what is none of these.
result<worker_choice> parse_worker(const std::string& text);

/// One worker of a daemon.
struct worker_place {
  std::string pool;
  uint32_t slot = 0;
};

/// "POOL/SLOT".
std::string to_string(const worker_place& x);

/// Those that are meant; pool_not_found names the pools that there are. A slot that is named
/// stands whether there is one or not: the daemon knows.
result<std::vector<worker_place>> workers_of(const worker_choice& x,
                                             const std::vector<pool_stats>& pools);

} // namespace snakepit::cli
