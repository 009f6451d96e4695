#pragma once

#include <snakepit/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

/// Many calls of one tool, as many at a time as is good for the pool: see docs/batch.md.
namespace snakepit {

/// One of the calls.
struct batch_item {
  /// Its arguments, or why there are none: then it fails with that, in its place.
  result<arguments> args;
  /// What they count in `batch_limits::bytes`; 0: as many as they have.
  uint64_t bytes = 0;
};

/// What a source answers.
enum class batch_pull {
  item,  ///< there it is
  later, ///< there is none now; if it was asked to wait it is asked again unless the batch has
         ///< ended
  end    ///< there are no more
};

/// Gives the next item. `wait`: it may block until there is one; else others are at hand, which are
/// held up by that. It is called by one thread at a time, not the one that runs the batch, and not
/// after `end`. If it throws, that is the batch's `failure`.
using batch_source = std::function<batch_pull(batch_item& to, bool wait)>;

/// Takes the end of the item of this index, counted from 0; each once, on the thread that runs the
/// batch.
using batch_sink = std::function<void(uint64_t index, outcome end)>;

/// Hands calls to whoever runs them: as `runtime::submit_many`.
using batch_submit =
  std::function<void(std::vector<arguments>, std::function<void(size_t, outcome)>)>;

/// Ends a batch before its source does. Copies are the same one. Any thread, at any time, also
/// before the batch begins; it cannot be taken back.
class batch_handle {
public:
  struct state;

  batch_handle();

  /// Nothing more is begun. The batch returns when what has been begun is through.
  void stop();

  /// The batch returns as soon as it can; what has been begun runs on, and its ends are dropped.
  void abandon();

  bool stopped() const noexcept;
  bool abandoned() const noexcept;

private:
  friend class batch_engine;

  std::shared_ptr<state> state_;
};

/// How many items may be under way: called and not ended, or ended and held until those before them
/// have. The number follows the speed of the tool, so that workers do not run dry and no item waits
/// long in the queue, where its time runs already.
struct batch_limits {
  /// Called at once at least: enough that no worker waits.
  size_t floor = 2;
  /// Called and held at most.
  size_t ceiling = 4096;
  /// Of arguments called and results held, the results to come as estimated.
  uint64_t bytes = uint64_t{64} << 20;
  /// How long an item should wait for a worker.
  std::chrono::nanoseconds wait = std::chrono::milliseconds{50};
};

/// How far a batch is.
struct batch_progress {
  uint64_t succeeded = 0;
  uint64_t failed = 0;
  uint64_t retried = 0;   ///< further tries
  uint64_t under_way = 0; ///< called and not ended
  std::chrono::nanoseconds elapsed{0};
};

struct batch_options {
  /// For all calls. If it says nothing of the time in the queue, that is not bounded.
  call_options call{};
  /// Items under way, neither more nor less, but no more than the pool's queue takes; 0: as many as
  /// `limits` allow.
  size_t concurrency = 0;
  batch_limits limits{};
  /// Whether the sink gets ends in the order of the items, or as they come.
  bool ordered = true;
  /// The batch stops when so many items have failed; 0: never for that. It stops in any case when
  /// the pool has failed for good or drains, since every other item would fail, too.
  uint64_t max_errors = 0;
  /// How often an item is tried again after an error that is retryable, such as a full queue, with
  /// pauses of 100 ms, 200 ms, 400 ms...
  unsigned retries = 3;
  /// Called that often, on the thread that runs the batch, and once at the end.
  std::function<void(const batch_progress&)> progress{};
  std::chrono::nanoseconds progress_interval = std::chrono::seconds{1};
  /// Called on that thread when the sink has had all that is there, before it waits for more.
  std::function<void()> settled{};
  batch_handle handle{};
};

/// An item that failed.
struct batch_error {
  uint64_t index = 0;
  error why;
};

/// How many of them a report keeps.
inline constexpr size_t batch_errors_kept = 10;

/// How a batch ended.
struct batch_report {
  uint64_t succeeded = 0;
  uint64_t failed = 0;
  uint64_t retried = 0;
  /// Taken from the source, or given in a vector, and not called.
  uint64_t not_started = 0;
  /// Called, and their ends dropped.
  uint64_t abandoned = 0;
  /// Whether the source came to its end and every item had its own.
  bool complete = false;
  std::chrono::nanoseconds elapsed{0};
  /// The first that the sink had.
  std::vector<batch_error> first_errors;
  /// Why there could be no batch, or why it ended: its source, or what makes its calls, threw.
  std::optional<error> failure;
};

/// Calls `tool` for each item of the source and returns when all have ended, or the batch is
/// stopped. Memory is bounded whatever the number of items. Not from a CAF actor or a callback of
/// ours: it blocks. What the sink throws abandons the batch and goes on to the caller. A source
/// that blocks must return, or be woken, for a batch to end.
batch_report run_batch(runtime& on, std::string_view tool, batch_source source,
                       const batch_options& options, batch_sink sink);

/// The same with items that are there already.
batch_report run_batch(runtime& on, std::string_view tool, std::vector<arguments> items,
                       const batch_options& options, batch_sink sink);

/// The same with a function that gives one after the other, nothing at their end. Items at hand are
/// held up while it blocks.
batch_report run_batch(runtime& on, std::string_view tool,
                       std::function<std::optional<arguments>()> next, const batch_options& options,
                       batch_sink sink);

/// The same with calls that somebody else runs. `options.call` is not used.
batch_report run_batch(batch_submit submit, batch_source source, const batch_options& options,
                       batch_sink sink);

} // namespace snakepit
