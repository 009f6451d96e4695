#pragma once

#include "actors/core/call.hpp"
#include "actors/core/schema.hpp"
#include "actors/core/worker_protocol.hpp"

#include <snakepit/error.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snakepit::core {

/// `too_large` for a payload above the pool's limit.
std::optional<error> check_size(uint64_t bytes, uint64_t limit);

/// What a pool's workers can do, as its serving generation declared it. A snapshot: it never
/// changes, so the threads that make calls check them against it without asking the pool.
class tool_table {
public:
  struct tool {
    tool_description description;
    argument_schema schema;
  };

  /// An empty table: nothing is known yet.
  tool_table() = default;

  /// The table after a worker has declared its tools. Tools keep their indexes for the life of the
  /// pool. A schema that we cannot read is an error that names the tool.
  result<std::shared_ptr<const tool_table>> with(const std::vector<tool_entry>& declared) const;

  /// Whether these are the tools that the table has been made of last.
  bool is_made_of(const std::vector<tool_entry>& declared) const;

  bool known() const noexcept {
    return known_;
  }

  /// Finds the tool of a call and checks its arguments; fills in `tool` and `checked`. Nothing
  /// happens to a call that was checked. Errors: unknown_tool with the nearest name,
  /// schema_mismatch, invalid_argument, too_deep.
  result<void> check(call& x) const;

  /// Whether a call that was checked may run twice: as its options say, else as its tool does.
  bool is_idempotent(const call& x) const noexcept;

  /// Of the tool with this index; empty if there is none.
  std::string name_of(uint32_t index) const {
    return index < tools_.size() ? tools_[index]->description.name : std::string{};
  }

  /// Whether any tool wants its calls in batches.
  bool any_batches() const noexcept {
    return any_batches_;
  }

  /// The tool with this index as it was declared; null if there is none.
  const tool_description* description_of(uint32_t index) const noexcept {
    return index < tools_.size() ? &tools_[index]->description : nullptr;
  }

  /// Tools that are there now, by name.
  std::vector<tool_description> list() const;

private:
  bool known_ = false;
  bool any_batches_ = false;
  std::vector<std::shared_ptr<const tool>> tools_; // by index
  std::map<std::string, uint32_t, std::less<>> indexes_;
  std::map<std::string, uint32_t, std::less<>> serving_; // a part of `indexes_`
};

} // namespace snakepit::core
