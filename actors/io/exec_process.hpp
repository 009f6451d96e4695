#pragma once

#include "actors/io/event_loop.hpp"
#include "actors/io/lane_memory.hpp"
#include "actors/io/launch_descriptors.hpp"
#include "actors/io/oom_counters.hpp"
#include "actors/io/output_reader.hpp"
#include "actors/io/process.hpp"
#include "actors/io/process_group.hpp"
#include "actors/io/side_socket.hpp"
#include "actors/io/stack_file.hpp"
#include "actors/io/stack_taker.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>

namespace snakepit::io {

/// How long a template may take to say how a worker ended whose end is known. Then the kernel is
/// asked, which tells less: no peak of memory.
inline constexpr std::chrono::seconds report_wait{1};

/// One worker as the loop sees it. Lives until the leader is reaped, however soon its owner lets
/// go.
class watched_process : public std::enable_shared_from_this<watched_process> {
public:
  watched_process(process_identity identity, std::string socket_path, process_events events,
                  std::unique_ptr<process_group> group, process_ends ends, stack_file stacks);

  /// Begins to watch; `ended` is called when the leader has been reaped and everybody told. From
  /// the loop's thread; the loop and `scratch` (64 KiB) live longer than this. `forked`: it is a
  /// template's child, not ours.
  result<void> watch(event_loop& loop, std::span<char> scratch, bool forked,
                     event_loop::task ended);

  /// The leader has ended and its template has said how. Its parent may reap it afterwards. The
  /// loop's thread.
  void settle(const exit_status& status);

  /// Its template has died: ends it. The loop's thread.
  void orphan();

  /// Undoes a start whose `watch` failed: ends and reaps it, calls nothing.
  void abandon() noexcept;

  /// Nothing is called any more once this has returned. Waits for a callback that runs now, except
  /// on the loop's own thread.
  void silence() noexcept;

  void remove_socket() noexcept;

  const process_identity& identity() const noexcept {
    return identity_;
  }
  process_group& group() noexcept {
    return *group_;
  }
  /// After `watch`.
  bool is_forked() const noexcept {
    return forked_;
  }
  const stack_file& stacks() const noexcept {
    return stacks_;
  }
  /// As its owner wants. Any thread. Returns whether the leader was still there.
  bool kill() noexcept;
  /// After `watch`. Any thread; `done` is called on the loop's.
  void take_stacks(std::chrono::milliseconds limit, stack_taker::callback done);
  std::string stacks_so_far() const {
    return unheard_ == 0 ? stacks_.text() : std::string{};
  }

  const output_tail& errors_tail() const noexcept {
    return tail_;
  }

private:
  struct stream {
    output_reader reader;
    bool is_stderr;
    event_loop::watch_id id = 0;
    bool told_later = false;
  };

  /// Calls it unless the owner has let go.
  template <class... Ts>
  void tell(const std::function<void(Ts...)>& event, Ts... xs);

  result<void> watch_stream(stream& x);
  void on_stream(stream& x);
  void on_side(uint32_t events);
  void on_pidfd();
  void on_forked_end();
  void end_stream(stream& x);
  void end_side();
  output_reader::sink sink_of(stream& x);

  const process_identity identity_;
  const std::string socket_path_;
  const process_events events_;
  const std::unique_ptr<process_group> group_;

  std::mutex callbacks_; // held while one runs
  std::atomic<bool> silent_{false};
  std::atomic<bool> killed_by_us_{false};
  std::atomic<int> unheard_{0}; // orders to take stacks that the loop has not yet got
  std::thread::id loop_thread_; // outlives the loop
  output_tail tail_;
  stack_file stacks_;
  std::shared_ptr<loop_door> door_;

  // The loop thread's own.
  event_loop* loop_ = nullptr;
  std::span<char> scratch_;
  event_loop::task ended_;
  std::shared_ptr<stack_taker> taker_;
  oom_counters memory_;
  std::array<stream, 2> streams_;
  side_socket side_;
  event_loop::watch_id side_id_ = 0;
  event_loop::watch_id pidfd_id_ = 0;
  bool forked_ = false;
  int64_t parent_ = 0; // if it is forked
  bool orphaned_ = false;
  bool settled_ = false;
};

/// What the owner of a worker holds.
class exec_process final : public process {
public:
  exec_process(std::shared_ptr<watched_process> watched, lane_memory memory)
    : watched_{std::move(watched)}, memory_{std::move(memory)} {}
  ~exec_process() override;

  const process_identity& identity() const noexcept override {
    return watched_->identity();
  }
  bool is_forked() const noexcept override {
    return watched_->is_forked();
  }
  core::lane_page page(uint32_t lane) noexcept override {
    return memory_.page(lane);
  }
  bool signal(int number) noexcept override {
    return watched_->group().signal(number);
  }
  bool is_stopped() const override;
  bool kill_group() noexcept override {
    return watched_->kill();
  }
  void take_stacks(std::chrono::milliseconds limit,
                   std::function<void(core::stack_sample)> done) override {
    watched_->take_stacks(limit, std::move(done));
  }
  std::string written_stacks() const override {
    return watched_->stacks().text();
  }
  std::string stacks_so_far() const override {
    return watched_->stacks_so_far();
  }
  std::string last_stderr(size_t limit) const override {
    return watched_->errors_tail().last(limit);
  }

private:
  std::shared_ptr<watched_process> watched_;
  lane_memory memory_;
};

} // namespace snakepit::io
