#pragma once

#include "actors/core/chaos.hpp"

#include <snakepit/error.hpp>
#include <snakepit/runtime.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What host and worker say to each other, as plain values; proto/worker.proto is the truth.
namespace snakepit::core {

inline constexpr uint32_t protocol_major = 1;
inline constexpr uint32_t protocol_minor = 0;

/// Signals that the host sends to a worker's leader, by offset from SIGRTMIN.
inline constexpr int interrupt_signal_offset = 1;
inline constexpr int stacks_signal_offset = 2;

/// Tools with numbers below `first` are the protocol's own.
struct tool_number {
  static constexpr uint32_t probe = 1;
  static constexpr uint32_t first = 16;
};

inline constexpr uint32_t max_batch_calls = 1024;
inline constexpr size_t max_batch_bytes = size_t{1} << 20;
/// The longest that a tool may have calls held back for others to run with.
inline constexpr duration max_batch_delay = std::chrono::seconds{1};

struct hello {
  std::string token;
  std::string run_id;
  std::string instance;
  std::string pool;
  uint32_t slot = 0;
  uint32_t generation = 0;
  std::string adapter;
  uint32_t lanes = 1;
  /// Each lane on a thread of its own; else the only one on the main thread.
  bool threads = false;
  /// All lanes on one event loop, on the main thread; they share one stream. Excludes `threads`.
  bool on_loop = false;
  uint64_t payload_bytes = 0;
  uint32_t depth = 0;
  /// What it does wrong on purpose.
  std::vector<chaos_fault> faults{};
  uint64_t chaos_seed = 0;
  /// Not said, but looked at: the number of the user whom the worker must be; none: of the host's.
  std::optional<uint32_t> peer_user{};
};

struct tool_entry {
  uint32_t number = 0;
  tool_description description;
  bool interrupt = true;
};

struct hello_reply {
  int64_t pid = 0;
  uint64_t start_time = 0;
  std::string python_version;
  std::map<std::string, std::string> libraries;
  std::string adapter;
  uint32_t lanes = 0;
  std::vector<tool_entry> tools;
  /// The host may ask for a memory barrier instead of waiting.
  bool has_barrier = false;
};

enum class payload_kind : uint8_t { json, raw };

/// One call in a batch. Views: valid until `worker_channel::send` returns.
struct batch_item {
  uint32_t tool = 0;
  uint64_t budget_us = 0; ///< 0: no deadline
  std::string_view data;
  const std::vector<std::string>* attachments = nullptr;
  /// Null unless the call has one of session, traceparent, correlation id, or runs again.
  const call_options* options = nullptr;
  uint32_t attempt = 1;
};

/// Calls for one lane; call i has the number first_seq + i.
struct batch {
  uint32_t lane = 0;
  uint64_t first_seq = 0;
  payload_kind kind = payload_kind::json;
  std::vector<batch_item> items;
  /// All are of one tool, and run as one.
  bool together = false;
};

/// What a run took besides time, as far as its worker has measured it.
struct run_cost {
  uint64_t began_us = 0;    ///< on the steady clock; 0: not known
  uint64_t cpu_ns = 0;      ///< of the thread
  uint32_t cpu_calls = 0;   ///< calls that share what was measured; 0: it was not
  bool has_memory = false;  ///< whether this was measured:
  int64_t memory_bytes = 0; ///< growth of the process
};

/// The end of one call as its worker reported it.
struct final_result {
  uint64_t seq = 0;
  uint32_t run_us = 0;
  outcome end;
  run_cost cost{};
};

/// One message of finals from one lane.
struct results {
  uint32_t lane = 0;
  std::vector<final_result> finals;
  uint64_t revoked_from = 0;
};

} // namespace snakepit::core
