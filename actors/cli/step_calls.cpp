#include "actors/cli/step_calls.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>

namespace snakepit::cli {

namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr size_t most_calls = 1'000'000; // a hundred bytes each
constexpr auto last_events_wait = std::chrono::seconds{2};

/// The reader of events, and who waits for it.
struct shared_reader {
  std::mutex mutex;
  std::condition_variable changed;
  step_reader reader;

  void take(const event& x) {
    auto guard = std::lock_guard{mutex};
    reader.take(x);
    if (x.kind == event_kind::call_finished)
      changed.notify_one();
  }

  /// Events come after what they tell of; those that were lost never do.
  std::vector<told_call> await_calls(size_t count) {
    auto guard = std::unique_lock{mutex};
    changed.wait_for(guard, last_events_wait, [&] { return reader.ended() >= count; });
    return reader.calls();
  }
};

result<std::vector<seen_call>> call_and_see(runtime& pool, const load& what, duration span) {
  auto out = std::vector<seen_call>{};
  auto until = steady_clock::now() + span;
  do {
    auto seen = seen_call{};
    auto begin = steady_clock::now();
    seen.begin = system_clock::now();
    auto got = pool.execute(what.tool, what.arguments, what.options);
    seen.end = system_clock::now();
    seen.took = steady_clock::now() - begin;
    if (!got)
      return tl::unexpected{std::move(got.error())};
    out.push_back(seen);
  } while (steady_clock::now() < until && out.size() < most_calls);
  return out;
}

} // namespace

result<step_times> call_in_steps(runtime& pool, const load& what, duration span) {
  auto reader = std::make_shared<shared_reader>();
  auto kinds = std::vector{event_kind::queue_entered, event_kind::call_dispatched,
                           event_kind::batch_sent, event_kind::call_finished};
  auto watch = pool.subscribe({.kinds = kinds}, [reader](const event& x) { reader->take(x); });
  if (!watch)
    return tl::unexpected{std::move(watch.error())};
  auto seen = call_and_see(pool, what, span);
  if (!seen)
    return tl::unexpected{std::move(seen.error())};
  auto out = put_together(*seen, reader->await_calls(seen->size()));
  if (out.calls == 0)
    return fail(reason::internal, "the events of no call could be used: they were lost, or the "
                                  "system's clock was set meanwhile");
  return out;
}

} // namespace snakepit::cli
