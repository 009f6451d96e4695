#pragma once

#include "actors/core/stack_sample.hpp"
#include "actors/io/event_loop.hpp"
#include "actors/io/process_group.hpp"
#include "actors/io/stack_file.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace snakepit::io {

/// Asks one worker for the stacks of its threads, one time after the other: whoever asks meanwhile
/// gets what the others get, or what there is when his time is over.
///
/// The worker's watch thread writes them. It needs the GIL for that, so no stack changes meanwhile.
/// If it does not get it, faulthandler is to write them in a signal's handler. That reads the
/// stacks of other threads as they are: safe if C code holds the GIL and so none of them moves, and
/// only then, hence the order. And a thread that waits in the kernel may have its wait cut short by
/// a signal. So it goes to a thread that runs, whose stack then stands still in any case, or, if
/// all wait, to the watch thread, which never runs code of a tool.
///
/// The loop's thread only.
class stack_taker : public std::enable_shared_from_this<stack_taker> {
public:
  using clock = event_loop::clock;
  using callback = std::function<void(core::stack_sample)>;

  /// After a signal: the end of the text is there when it has not grown for so long...
  static constexpr std::chrono::milliseconds quiet{20};
  /// ... or, where it does not look like an end, for so long: who writes may have to wait.
  static constexpr std::chrono::milliseconds long_quiet{300};
  /// How long Python may take to let the watch thread run; less if there is less time.
  static constexpr std::chrono::milliseconds turn{60};
  static constexpr std::chrono::milliseconds short_turn{25};

  /// `look`: asks the worker to write and then to say so with this number; returns whether it was
  /// asked. All outlive this.
  stack_taker(event_loop& loop, int64_t pid, process_group& group, stack_file& file,
              std::function<bool(uint64_t number)> look);

  /// `done` is called once, after `limit` at the latest, unless this is destroyed before.
  void take(std::chrono::milliseconds limit, callback done);

  /// The worker's watch thread has written.
  void on_here(uint64_t number);

  /// The process has ended: there is no more to come.
  void on_end();

private:
  struct waiter {
    clock::time_point due;
    callback done;
  };

  void begin(std::chrono::milliseconds limit);
  void signal();
  void give_up(core::stack_sample::obstacle why, std::vector<kernel_thread> threads);
  void on_look();
  bool is_complete() const;
  core::stack_sample sample() const;
  void answer(core::stack_sample x);
  void schedule();

  event_loop& loop_;
  const int64_t pid_;
  process_group& group_;
  stack_file& file_;
  const std::function<bool(uint64_t number)> look_;

  std::vector<waiter> waiters_;
  bool ended_ = false;
  bool scheduled_ = false;
  // While there are waiters.
  clock::time_point begun_{};
  clock::time_point grown_{};
  size_t size_ = 0;
  clock::time_point signal_at_{};
  uint64_t number_ = 0;
  bool asked_ = false;
  bool signalled_ = false;
  bool here_ = false;
};

} // namespace snakepit::io
