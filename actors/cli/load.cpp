#include "actors/cli/load.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace snakepit::cli {

namespace {

using clock = std::chrono::steady_clock;

/// Each call's end starts the next call, on the runtime's own threads.
class closed_loop : public std::enable_shared_from_this<closed_loop> {
public:
  closed_loop(runtime& pool, const load& what) : pool_{pool}, what_{what} {}

  result<throughput> run(size_t outstanding, duration span) {
    auto begin = clock::now();
    under_way_ = outstanding;
    for (size_t i = 0; i < outstanding; ++i)
      call();
    await_failure_until(begin + span);
    over_ = true;
    auto out = throughput{answered_.load(), clock::now() - begin};
    pool_.stop(duration{0});
    await_all_ends();
    if (failure_)
      return tl::unexpected{std::move(*failure_)};
    return out;
  }

private:
  void call() {
    // It holds this alive: the last one may still be in `on_end` when `run` has returned.
    pool_.execute_async(what_.tool, what_.arguments, what_.options,
                        [self = shared_from_this()](outcome end) { self->on_end(std::move(end)); });
  }

  void on_end(outcome end) {
    if (!over_) {
      if (end) {
        ++answered_;
        return call();
      }
      std::lock_guard lock{mutex_};
      if (!failure_)
        failure_ = std::move(end.error());
      over_ = true;
    }
    std::lock_guard lock{mutex_};
    --under_way_;
    changed_.notify_all();
  }

  void await_failure_until(clock::time_point end) {
    std::unique_lock lock{mutex_};
    changed_.wait_until(lock, end, [this] { return failure_.has_value(); });
  }

  void await_all_ends() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return under_way_ == 0; });
  }

  runtime& pool_;
  const load& what_;
  std::atomic<bool> over_{false};
  std::atomic<uint64_t> answered_{0};
  std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  size_t under_way_ = 0;
  std::optional<error> failure_;
};

} // namespace

result<latencies> call_one_at_a_time(runtime& pool, const load& what, duration span) {
  auto end = clock::now() + span;
  latencies out;
  do {
    auto begin = clock::now();
    if (auto got = pool.execute(what.tool, what.arguments, what.options); !got)
      return tl::unexpected{std::move(got.error())};
    out.push_back(clock::now() - begin);
  } while (clock::now() < end);
  std::ranges::sort(out);
  return out;
}

result<throughput> call_many(runtime& pool, const load& what, size_t outstanding, duration span) {
  return std::make_shared<closed_loop>(pool, what)->run(outstanding, span);
}

} // namespace snakepit::cli
