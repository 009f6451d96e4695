#include "telemetry/event_hub.hpp"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <exception>
#include <system_error>
#include <thread>

#include <pthread.h>

namespace snakepit {

using telemetry::event_hub;
using telemetry::event_ptr;

/// The events that wait for one callback, and the thread that calls it. The thread holds a share,
/// so that a callback may end what it is called from.
class subscription::implementation final : public event_hub::receiver {
public:
  implementation(std::shared_ptr<event_hub> hub, event_callback callback, size_t backlog)
    : hub_{std::move(hub)}, callback_{std::move(callback)}, backlog_{std::max<size_t>(backlog, 1)} {
  }

  /// Throws system_error if there is no thread to be had.
  static void start(const std::shared_ptr<implementation>& x);

  void offer(const event_ptr& x) noexcept override;
  void flush(std::chrono::steady_clock::time_point until) noexcept override;
  void end() noexcept;

  uint64_t dropped() const noexcept {
    auto guard = std::lock_guard{mutex_};
    return dropped_;
  }

private:
  void run() noexcept;
  void call(const event& x) noexcept;
  void drop(event_kind x) noexcept;
  bool is_own_thread() const noexcept {
    return own_ == std::this_thread::get_id();
  }

  const std::shared_ptr<event_hub> hub_;
  event_callback callback_;
  const size_t backlog_;
  std::thread thread_;
  std::thread::id own_; // its; stays when the thread was joined

  mutable std::mutex mutex_; // guards all below
  std::condition_variable there_;
  std::condition_variable handed_on_;
  std::deque<event_ptr> waiting_;
  bool ended_ = false;
  uint64_t taken_ = 0;  // events that were put into `waiting_`
  uint64_t called_ = 0; // of them, those that the callback has had
  uint64_t dropped_ = 0;
  uint64_t untold_ = 0; // dropped since the last telemetry.dropped
};

void subscription::implementation::start(const std::shared_ptr<implementation>& x) {
  // The thread inherits the mask: from its first moment on no signal of the embedder's runs there.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  auto failure = std::exception_ptr{};
  try {
    x->thread_ = std::thread{[x] { x->run(); }};
    x->own_ = x->thread_.get_id();
    ::pthread_setname_np(x->thread_.native_handle(), "snakepit-events");
  } catch (const std::system_error&) {
    failure = std::current_exception();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failure)
    std::rethrow_exception(failure);
}

void subscription::implementation::offer(const event_ptr& x) noexcept {
  auto first = false;
  {
    auto guard = std::lock_guard{mutex_};
    if (ended_)
      return;
    if (waiting_.size() >= backlog_)
      return drop(x->kind);
    try {
      waiting_.push_back(x);
    } catch (const std::bad_alloc&) {
      return drop(x->kind);
    }
    ++taken_;
    first = waiting_.size() == 1;
  }
  if (first)
    there_.notify_one();
}

/// The loss of a telemetry.dropped is not told by another one: two slow subscribers would keep each
/// other busy with nothing else.
void subscription::implementation::drop(event_kind x) noexcept {
  ++dropped_;
  untold_ += x != event_kind::telemetry_dropped;
}

void subscription::implementation::run() noexcept {
  auto lock = std::unique_lock{mutex_};
  for (;;) {
    there_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
    if (ended_)
      break;
    auto x = std::move(waiting_.front());
    waiting_.pop_front();
    auto lost = std::exchange(untold_, 0);
    lock.unlock();
    if (lost > 0)
      hub_->tell_dropped(lost);
    call(*x);
    x = nullptr;
    lock.lock();
    ++called_;
    handed_on_.notify_all();
  }
  // Here, since whoever publishes just now may hold the last share of this.
  lock.unlock();
  callback_ = nullptr;
}

void subscription::implementation::call(const event& x) noexcept {
  try {
    callback_(x);
  } catch (const std::exception& e) {
    hub_->tell_thrown(x, e.what());
  } catch (...) {
    hub_->tell_thrown(x, "something that is no std::exception");
  }
}

void subscription::implementation::flush(std::chrono::steady_clock::time_point until) noexcept {
  if (is_own_thread())
    return;
  auto lock = std::unique_lock{mutex_};
  handed_on_.wait_until(lock, until, [this, goal = taken_] { return ended_ || called_ >= goal; });
}

void subscription::implementation::end() noexcept {
  hub_->remove(*this);
  auto lost = std::deque<event_ptr>{};
  {
    auto guard = std::lock_guard{mutex_};
    ended_ = true;
    lost.swap(waiting_);
  }
  there_.notify_all();
  handed_on_.notify_all();
  if (is_own_thread())
    thread_.detach(); // it ends when the callback returns, and touches only what it shares
  else
    thread_.join();
}

// -- the public class ---------------------------------------------------------------

subscription::subscription(std::shared_ptr<implementation> x) noexcept : impl_{std::move(x)} {}

subscription& subscription::operator=(subscription&& x) noexcept {
  if (this != &x) {
    cancel();
    impl_ = std::move(x.impl_);
  }
  return *this;
}

subscription::~subscription() {
  cancel();
}

void subscription::cancel() noexcept {
  if (auto x = std::exchange(impl_, nullptr))
    x->end();
}

uint64_t subscription::dropped() const noexcept {
  return impl_ ? impl_->dropped() : 0;
}

result<subscription> telemetry::subscribe(const std::shared_ptr<event_hub>& hub,
                                          const event_filter& filter, event_callback callback,
                                          size_t backlog) {
  if (!callback)
    return fail(reason::invalid_argument, "a subscriber needs a callback");
  auto mask = mask_of(filter);
  if (!mask)
    return tl::unexpected{std::move(mask.error())};
  auto x = std::make_shared<subscription::implementation>(hub, std::move(callback), backlog);
  try {
    subscription::implementation::start(x);
  } catch (const std::system_error& e) {
    return fail(reason::internal, std::string{"no thread for a subscriber: "} + e.what());
  }
  auto result = subscription{x};
  if (!hub->add(std::move(x), *mask))
    return fail(reason::draining, "the runtime stops and has no more events");
  return result;
}

} // namespace snakepit
