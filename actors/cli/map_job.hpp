#pragma once

#include "actors/cli/arguments.hpp"
#include "actors/cli/line_reader.hpp"
#include "actors/cli/line_writer.hpp"
#include "actors/cli/map_item.hpp"
#include "actors/cli/map_outlet.hpp"
#include "actors/cli/progress.hpp"

#include <snakepit/batch.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace snakepit::cli {

/// What `map` shall do, once its files are open and its tool is known.
struct map_plan {
  std::string tool;
  tool_shape shape;
  call_options call;
  map_outlet::policy policy;
  batch_limits flow;
  unsigned retries = 0;
  uint64_t skip = 0;     ///< items at the beginning that are done already
  uint64_t max_line = 0; ///< bytes
  int input = 0;
  int output = 1;
  int give_up = -1;                   ///< readable when a blocked write must be given up
  std::optional<uint64_t> input_size; ///< bytes
};

/// How it ended.
struct map_end {
  progress totals;
  uint64_t lines = 0;           ///< written whole
  bool stopped = false;         ///< by `failure`, before the end of the input
  std::optional<error> failure; ///< what stopped it, or the first one
  std::optional<error> broken;  ///< why there could be no batch, or no more calls
  int input_error = 0;          ///< errno
  int output_error = 0;         ///< errno
  bool too_short = false;       ///< the input has fewer items than `skip`
};

/// Where the items stand that are under way. Put in on one thread, in order, and taken out on
/// another, each after it was put in.
class map_places {
public:
  /// window: items under way at most, if they end in order; a batch may have taken some more.
  map_places(bool ordered, size_t window) : line_(ordered ? 2 * window + slack : 0) {}

  void put(const map_place& x);
  map_place take(uint64_t index);

private:
  static constexpr size_t slack = 4096;

  std::vector<map_place> line_; // by index modulo size; the batch's own locks order its threads
  std::mutex mutex_;
  std::unordered_map<uint64_t, map_place> any_;
};

/// Runs a tool on every line of the input, as a batch: its source reads lines, its sink writes
/// them.
class map_job {
public:
  using submit_function = batch_submit;
  using show_function = std::function<void(const progress&)>;

  /// `submit` hands calls to the pool; `show`, if set, gets the progress ten times a second.
  static std::shared_ptr<map_job> make(map_plan plan, submit_function submit, show_function show);

  ~map_job();
  map_job(const map_job&) = delete;
  map_job& operator=(const map_job&) = delete;

  /// Runs to the end, on the calling thread. Once.
  map_end run();

  /// Ends it early: what is there in order is written, the rest is left. Any thread.
  void stop();

private:
  using clock = std::chrono::steady_clock;

  map_job(map_plan plan, submit_function submit, show_function show);

  // The source's thread.
  batch_pull read(line_reader& in, batch_item& to, bool wait);
  batch_item item_of(const line_reader::line& line);

  // The writer's thread.
  batch_options options();
  void take(uint64_t index, outcome end);
  void flush();
  void stop_if_useless();
  void draw(bool last);

  const map_plan plan_;
  const submit_function submit_;
  const show_function show_;
  int wake_; ///< readable when the source must end
  batch_handle handle_;
  map_places places_;

  // The source's own, until the batch has ended.
  uint64_t read_ = 0;
  int input_error_ = 0;
  bool too_short_ = false;
  std::atomic<uint64_t> skipped_bytes_{0};

  // The writer's own.
  line_writer out_;
  map_outlet outlet_;
  progress progress_;
  clock::time_point started_;
  clock::time_point drawn_;
  uint64_t items_drawn_ = 0;
};

} // namespace snakepit::cli
