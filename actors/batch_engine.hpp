#pragma once

#include "actors/core/batch_count.hpp"
#include "actors/core/batch_flow.hpp"
#include "actors/core/batch_order.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <queue>
#include <thread>

namespace snakepit {

/// What the copies of a handle share.
struct batch_handle::state {
  enum { runs, stopped, abandoned };

  std::atomic<int> level{runs};
  std::mutex mutex;
  std::map<const void*, std::function<void()>> wakers; // of the batches that have it

  void raise(int to);
};

/// Runs one batch: a thread of its own asks the source and calls; the one that called `run` puts
/// ends in order and gives them to the sink; threads of the runtime bring them.
class batch_engine : public std::enable_shared_from_this<batch_engine> {
public:
  static batch_report run(batch_submit submit, batch_source source, const batch_options& options,
                          batch_sink sink);

private:
  using clock = std::chrono::steady_clock;

  /// An item that has come back. An outcome would be larger than most ends are, and is moved often.
  struct ended {
    uint64_t index = 0;
    uint64_t bytes = 0; // of its arguments
    unsigned attempt = 0;
    std::unique_ptr<arguments> again{}; // if it may be tried again
    std::unique_ptr<error> why{};       // if it failed
    payload got{};

    void take(outcome&& x) {
      if (x)
        got = std::move(*x);
      else
        why = std::make_unique<error>(std::move(x.error()));
    }
    uint64_t result_bytes() const {
      return why ? 0 : core::bytes_of(got);
    }
  };

  struct retry {
    clock::time_point due;
    uint64_t index;
    uint64_t bytes;
    unsigned attempt;
    std::shared_ptr<arguments> args;
    std::shared_ptr<error> why; // why the last try failed
    friend bool operator<(const retry& a, const retry& b) {
      return a.due > b.due;
    }
  };

  batch_engine(batch_submit submit, batch_source source, const batch_options& options,
               batch_sink sink);

  batch_report work();

  // The source's thread.
  bool start_reader();
  void read();
  void read_all();
  batch_pull ask(std::vector<batch_item>& items);
  size_t hand_over(std::vector<batch_item>& items);
  /// The items from `index` on.
  void call(std::vector<batch_item> items, uint64_t index);

  // The runtime's threads.
  void post(ended x, outcome&& end);

  // The thread that runs the batch.
  bool finished();
  bool all_settled() const;
  void collect();
  void settle(std::vector<ended>& xs);
  bool put_off(ended& x);
  void deliver(ended& x);
  void call_again();
  void give_up_retries();
  void tell_progress(bool last);
  batch_report report();

  int level() const noexcept {
    return std::max(own_level_.load(std::memory_order_relaxed),
                    handle_->level.load(std::memory_order_relaxed));
  }
  /// Of this batch alone: others may have the same handle, now or later.
  void raise(int to);
  void wake();

  /// `submit_`; what it throws ends the batch.
  void submit(std::vector<arguments> args, std::function<void(size_t, outcome)> done);
  void submit_threw(const std::string& text);

  const batch_options options_;
  const batch_submit submit_;
  const batch_source source_;
  const batch_sink sink_;
  const std::shared_ptr<batch_handle::state> handle_;
  std::atomic<int> own_level_{batch_handle::state::runs};
  std::thread reader_;

  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable mail_;
  core::batch_flow flow_;
  std::vector<ended> inbox_;
  bool read_all_ = false;
  bool at_end_ = false; // the source said so
  uint64_t handed_over_ = 0;
  uint64_t not_started_ = 0;
  std::optional<error> failure_;

  // Of the thread that runs the batch.
  std::vector<ended> collected_;
  core::batch_count count_;
  core::batch_order<ended> order_;
  std::priority_queue<retry> retries_;
  uint64_t delivered_bytes_ = 0;
  clock::time_point started_;
  clock::time_point told_;
};

} // namespace snakepit
