#pragma once

#include "actors/cli/arguments.hpp"
#include "actors/cli/line_reader.hpp"
#include "actors/cli/line_writer.hpp"
#include "actors/cli/map_flow.hpp"
#include "actors/cli/map_item.hpp"
#include "actors/cli/map_outlet.hpp"
#include "actors/cli/progress.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

namespace snakepit::cli {

/// What `map` shall do, once its files are open and its tool is known.
struct map_plan {
  std::string tool;
  tool_shape shape;
  call_options call;
  map_outlet::policy policy;
  map_flow::limits flow;
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
  int input_error = 0;          ///< errno
  int output_error = 0;         ///< errno
  bool too_short = false;       ///< the input has fewer items than `skip`
};

/// Runs a tool on every line of the input. A thread of its own reads and calls; the one that calls
/// `run` puts results in order and writes; threads of the runtime bring results.
class map_job : public std::enable_shared_from_this<map_job> {
public:
  using submit_function =
    std::function<void(std::vector<arguments>, std::function<void(size_t, outcome)>)>;
  using show_function = std::function<void(const progress&)>;

  /// `submit` hands calls to the pool; `show`, if set, gets the progress ten times a second.
  static std::shared_ptr<map_job> make(map_plan plan, submit_function submit, show_function show);

  ~map_job();

  /// Until the input's end, an error that ends it, or `stop`. Once.
  map_end run();

  /// Ends `run` soon: what is there in order is written, the rest is left. Any thread.
  void stop();

private:
  using clock = std::chrono::steady_clock;

  struct retry {
    clock::time_point due;
    map_place place;
    unsigned attempt;
    std::shared_ptr<arguments> what;
    friend bool operator<(const retry& a, const retry& b) {
      return a.due > b.due;
    }
  };

  map_job(map_plan plan, submit_function submit, show_function show);

  // The reader's thread.
  void read();
  void end_of_input(int error_number, bool too_short);
  size_t hand_over(std::vector<map_item>& items);
  void call(std::vector<map_item> items);
  map_item item_of(const line_reader::line& line, uint64_t index) const;

  // The runtime's threads.
  void on_returned(const map_place& place, unsigned attempt, std::unique_ptr<arguments> again,
                   outcome x);
  void post(map_result x);

  // The writer's thread.
  std::vector<map_result> collect();
  void settle(std::vector<map_result> results);
  bool put_off(map_result& x);
  void call_again();
  void draw(bool last);
  bool finished();
  bool all_settled() const;

  const map_plan plan_;
  const submit_function submit_;
  const show_function show_;
  int wake_; ///< readable when the reader must end
  std::thread reader_;

  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable mail_;
  map_flow flow_;
  std::vector<map_result> inbox_;
  bool stopping_ = false;
  bool read_all_ = false;
  uint64_t handed_over_ = 0;
  int input_error_ = 0;
  bool too_short_ = false;
  std::atomic<uint64_t> skipped_bytes_{0};

  // The writer's own.
  line_writer out_;
  map_outlet outlet_;
  std::priority_queue<retry> retries_;
  progress progress_;
  clock::time_point started_;
  clock::time_point drawn_;
  uint64_t items_drawn_ = 0;
};

} // namespace snakepit::cli
