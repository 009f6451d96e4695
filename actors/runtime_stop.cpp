#include "actors/io/host_only.hpp"
#include "actors/io/thread_reserve.hpp"
#include "actors/runtime_implementation.hpp"

#include <condition_variable>
#include <future>
#include <mutex>
#include <vector>

namespace snakepit {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

namespace {

/// The pools keep the time of a drain; this is for one that cannot.
constexpr auto drain_slack = 1s;
/// How long a stop waits for subscribers to take the last events.
constexpr auto event_patience = 1s;

/// Keeps what cannot be destroyed until the process ends, where who looks for leaks finds it.
void keep(std::unique_ptr<runtime::implementation> x) {
  static auto& mutex = *new std::mutex;
  static auto& kept = *new std::vector<runtime::implementation*>;
  auto guard = std::lock_guard{mutex};
  kept.push_back(x.release());
}

} // namespace

std::string pids_text(const std::vector<int64_t>& pids) {
  auto text = std::string{};
  for (auto x : pids)
    text += (text.empty() ? "" : ", ") + std::to_string(x);
  return text;
}

/// What several that stop at once have in common.
struct runtime::implementation::drain_state {
  std::mutex mutex;
  std::condition_variable changed;
  clock::time_point until = clock::time_point::max(); // the earliest that anybody wants
  size_t left = 0;                                    // pools that drain
};

runtime::implementation::implementation() : drain_{std::make_shared<drain_state>()} {}

runtime::implementation::~implementation() {
  if (ledger) // it was never started
    ledger->remove();
  if (!closer_.joinable())
    return;
  if (!is_closing_)
    close_.set_value(false);
  closer_.join();
}

void runtime::implementation::dispose(std::unique_ptr<implementation> x) {
  if (!x || !x->root_was_made)
    return;
  if (io::is_fork()) { // its threads are in another process
    x.release();
    return;
  }
  if (in_callback()) { // it would wait for itself
    auto* raw = x.release();
    try {
      std::thread{[raw] {
        in_callback() = false;
        dispose(std::unique_ptr<implementation>{raw});
      }}.detach();
    } catch (const std::system_error&) {
      keep(std::unique_ptr<implementation>{raw}); // its workers end with the process
    }
    return;
  }
  x->stop(x->cfg.timeouts.drain);
  if (x->closed_.wait_for(0s) != std::future_status::ready)
    keep(std::move(x)); // something in it still runs
}

bool& runtime::implementation::in_callback() noexcept {
  thread_local bool it = false;
  return it;
}

result<void> runtime::implementation::stop(duration limit) {
  if (io::is_fork())
    return fail(reason::invalid_argument, "a forked process must not stop its parent's runtime");
  stopping = true;
  if (in_callback()) {
    auto text = std::string{"the runtime cannot be stopped in a callback of a call, which it would "
                            "have to wait for"};
    log->write(telemetry::level::error, "runtime", text);
    return fail(reason::invalid_argument, text);
  }
  shorten_drain(limit);
  auto guard = std::lock_guard{stop_mutex_};
  if (!std::exchange(stopped_, true))
    stop_result_ = stop_now();
  return stop_result_;
}

void runtime::implementation::shorten_drain(duration limit) {
  auto until = core::later(clock::now(), limit);
  auto first = false;
  {
    auto guard = std::lock_guard{drain_->mutex};
    first = !std::exchange(drain_is_begun_, true);
    if (!first && until >= drain_->until)
      return;
    drain_->until = until;
    if (first)
      drain_->left = pools.size();
    drain_->changed.notify_all();
  }
  for (auto& x : pools) {
    auto order = drain_order{limit, [] {}};
    if (first) {
      // Counted when it is let go: by the pool when it has drained, or with a pool that ends.
      auto count = [state = drain_](void*) {
        auto guard = std::lock_guard{state->mutex};
        --state->left;
        state->changed.notify_all();
      };
      order.done = [token = std::shared_ptr<void>{this, count}] {};
    }
    if (auto actor = x.entry->actor())
      caf::anon_send(caf::actor_cast<pool_actor>(actor), make_local(std::move(order)));
  }
}

result<void> runtime::implementation::stop_now() {
  auto until = clock::time_point{};
  {
    auto lock = std::unique_lock{drain_->mutex};
    for (;;) {
      until = drain_->until;
      auto end = core::later(until, drain_slack);
      if (drain_->left == 0 || clock::now() >= end)
        break;
      if (end == clock::time_point::max())
        drain_->changed.wait(lock);
      else
        drain_->changed.wait_until(lock, end);
    }
  }
  // On a thread of its own, since what the program does in a callback, or the kernel, may take for
  // ever.
  is_closing_ = true;
  close_.set_value(true);
  auto end = core::later(std::min(clock::now(), until), stop_patience);
  auto error = snakepit::error{};
  if (closed_.wait_until(end) == std::future_status::ready) {
    if (survivors_.empty())
      return {};
    error = {reason::internal,
             "processes do not end although they were killed: " + pids_text(survivors_),
             {{"survivors", pids_text(survivors_)}}};
  } else {
    kill_all();
    error = {
      reason::internal,
      "the runtime did not stop in time, since a callback of the program does not return: of "
      "a call, of events, or of the log; its workers were killed",
      {{"hangs", "callback"}}};
  }
  // The log may be what hangs.
  try {
    std::thread{[log = log, text = error.message] {
      log->write(telemetry::level::error, "runtime", text);
    }}.detach();
  } catch (const std::system_error&) {
    // The caller has the error.
  }
  return tl::unexpected{std::move(error)};
}

result<void> runtime::implementation::start_closer() {
  auto done = std::make_shared<std::promise<void>>();
  closed_ = done->get_future();
  try {
    closer_ = std::thread{[this, done, wanted = close_.get_future()]() mutable {
      if (wanted.get())
        close();
      done->set_value();
    }};
  } catch (const std::system_error&) {
    return io::no_thread();
  }
  return {};
}

void runtime::implementation::close() {
  auto down = std::promise<void>{};
  caf::actor_cast<caf::abstract_actor*>(root)->attach_functor(
    [&down](const caf::error&) { down.set_value(); });
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  down.get_future().wait(); // bounded, if its actors can run: every child has a grace
  root = nullptr;
  admin = nullptr;
  events->close(event_patience);
  sink.cancel();
  for (auto& x : pools) {
    x.entry->set_actor(nullptr);
    x.entry->set_lifecycle(nullptr);
    x.entry->set_spec(nullptr); // keeps the folder of the run
  }
  stop_launchers();
  close_ledger();
  meter = nullptr; // what it may still have to say is for actors
  if (!apart([this] { own = nullptr; }))
    own = nullptr; // this thread has made no actor
  auto guard = std::lock_guard{reload_mutex_};
  context = {}; // keeps the folder, too
  directory = nullptr;
}

void runtime::implementation::stop_launchers() {
  auto mutex = std::mutex{};
  auto stop = [&](io::process_launcher& x) {
    auto left = x.stop();
    auto guard = std::lock_guard{mutex};
    survivors_.insert(survivors_.end(), left.begin(), left.end());
  };
  // At once: each may have to wait for a process.
  auto threads = std::vector<std::thread>{};
  for (auto& x : forks) {
    try {
      threads.emplace_back([&stop, &x] { stop(*x); });
    } catch (const std::system_error&) {
      stop(*x);
    }
  }
  for (auto& x : threads)
    x.join();
  stop(*launcher);
  auto ended = decltype(forks){};
  auto last = decltype(launcher){};
  {
    auto guard = std::lock_guard{launchers_};
    ended.swap(forks);
    last.swap(launcher);
  }
}

void runtime::implementation::kill_all() {
  auto guard = std::lock_guard{launchers_};
  for (auto& x : forks)
    x->kill_all();
  if (launcher)
    launcher->kill_all();
}

} // namespace snakepit
