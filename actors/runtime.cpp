#include "actors/runtime_implementation.hpp"

#include "actors/caf_reply.hpp"
#include "actors/io/host_only.hpp"
#include "actors/io/thread_reserve.hpp"

#include <algorithm>
#include <condition_variable>
#include <optional>

namespace snakepit {

using namespace std::chrono_literals;

namespace {

/// The caller waits for it.
class waiting_target : public core::reply_target {
public:
  void answer(uint64_t, outcome end) noexcept override {
    auto guard = std::lock_guard{mutex_};
    end_ = std::move(end);
    there_.notify_one();
  }

  outcome wait() {
    auto guard = std::unique_lock{mutex_};
    there_.wait(guard, [this] { return end_.has_value(); });
    return std::move(*end_);
  }

private:
  std::mutex mutex_;
  std::condition_variable there_;
  std::optional<outcome> end_;
};

class callback_target : public core::reply_target {
public:
  explicit callback_target(std::function<void(size_t, outcome)> f) : done_{std::move(f)} {}

  void answer(uint64_t tag, outcome end) noexcept override {
    auto& inside = runtime::implementation::in_callback();
    auto outer = std::exchange(inside, true); // a call that is refused at once is answered there
    done_(tag, std::move(end));
    inside = outer;
  }

private:
  std::function<void(size_t, outcome)> done_;
};

outcome execute_and_wait(runtime::implementation& impl, std::string_view tool, arguments args,
                         const call_options& options) {
  auto target = std::make_shared<waiting_target>();
  auto one = std::vector<arguments>{};
  one.push_back(std::move(args));
  impl.submit(tool, std::move(one), options, target, nullptr);
  return target->wait();
}

} // namespace

runtime::runtime(std::unique_ptr<implementation> x) noexcept : impl_{std::move(x)} {}
runtime::runtime(runtime&&) noexcept = default;
runtime& runtime::operator=(runtime&& x) noexcept {
  if (this != &x)
    implementation::dispose(std::exchange(impl_, std::move(x.impl_)));
  return *this;
}
runtime::~runtime() {
  implementation::dispose(std::move(impl_));
}

result<runtime> runtime::start(config cfg) {
  auto own = std::unique_ptr<own_system>{};
  // CAF ends the process if it cannot have its threads.
  if (auto ok = io::check_threads(std::max(4u, std::thread::hardware_concurrency()) + 4); !ok)
    return tl::unexpected{std::move(ok.error())};
  if (!apart([&] { own = std::make_unique<own_system>(); }))
    return io::no_thread();
  return implementation::start(std::move(cfg), std::move(own), nullptr);
}

result<void> runtime::await_ready(const std::string& pool, duration timeout) {
  auto until = core::later(std::chrono::steady_clock::now(), timeout);
  for (auto& x : impl_->pools) {
    if (!pool.empty() && x.name != pool)
      continue;
    auto left = until == core::never ? infinite : until - std::chrono::steady_clock::now();
    if (auto ok = impl_->await(x.name, std::max(left, duration{0}), false); !ok)
      return tl::unexpected{std::move(ok.error())};
  }
  if (auto known = impl_->find(pool); !known && !pool.empty())
    return tl::unexpected{std::move(known.error())};
  return {};
}

result<start_report> runtime::await_started(const std::string& pool, duration timeout) {
  auto until = core::later(std::chrono::steady_clock::now(), timeout);
  auto report = result<start_report>{};
  if (auto known = impl_->find(pool); !known && !pool.empty())
    return tl::unexpected{std::move(known.error())};
  for (auto& x : impl_->pools) {
    if (!pool.empty() && x.name != pool)
      continue;
    auto left = until == core::never ? infinite : until - std::chrono::steady_clock::now();
    report = impl_->await(x.name, std::max(left, duration{0}), true);
    if (!report)
      break;
  }
  return report;
}

result<value> runtime::execute(std::string_view tool, arguments args, const call_options& options) {
  auto end = execute_and_wait(*impl_, tool, std::move(args), options);
  return end ? end->to_value() : result<value>{tl::unexpected{std::move(end.error())}};
}

result<value> runtime::execute(std::string_view tool, arguments args, const call_options& options,
                               call_receipt& receipt) {
  auto end = execute_and_wait(*impl_, tool, std::move(args), options);
  receipt = end ? end->receipt() : end.error().receipt ? *end.error().receipt : call_receipt{};
  return end ? end->to_value() : result<value>{tl::unexpected{std::move(end.error())}};
}

result<std::string> runtime::execute_raw(std::string_view tool, std::string data,
                                         const call_options& options) {
  auto end = execute_and_wait(*impl_, tool, raw_bytes{std::move(data)}, options);
  if (!end)
    return tl::unexpected{std::move(end.error())};
  return std::move(*end).text();
}

call_future runtime::execute_async(std::string_view tool, arguments args,
                                   const call_options& options) {
  auto promise = std::make_shared<std::promise<result<value>>>();
  auto future = promise->get_future();
  auto handle = execute_async(tool, std::move(args), options, [promise](outcome x) {
    promise->set_value(x ? x->to_value() : result<value>{tl::unexpected{std::move(x.error())}});
  });
  return {std::move(future), std::move(handle)};
}

call_handle runtime::execute_async(std::string_view tool, arguments args,
                                   const call_options& options, std::function<void(outcome)> done) {
  auto target = std::make_shared<callback_target>(
    [done = std::move(done)](size_t, outcome x) { done(std::move(x)); });
  auto state = std::make_shared<call_handle::state>();
  state->id = next_call_id();
  state->cancel_on_drop = options.cancel_on_drop;
  state->ticket = std::make_shared<core::call_ticket>();
  state->ticket->id = state->id;
  if (auto place = impl_->find(options.pool))
    state->entry = (*place)->entry;
  auto one = std::vector<arguments>{};
  one.push_back(std::move(args));
  impl_->submit(tool, std::move(one), options, std::move(target), state->ticket);
  return call_handle{std::move(state)};
}

void runtime::submit_many(std::string_view tool, std::vector<arguments> args,
                          const call_options& options, std::function<void(size_t, outcome)> done) {
  impl_->submit(tool, std::move(args), options, std::make_shared<callback_target>(std::move(done)),
                nullptr);
}

result<std::vector<tool_description>> runtime::tools(const std::string& pool) {
  auto place = impl_->find(pool);
  if (!place)
    return tl::unexpected{std::move(place.error())};
  auto tools = (*place)->entry->tools();
  if (!tools->known())
    return fail(reason::pool_not_ready, "pool `" + (*place)->name + "` has had no worker yet");
  return tools->list();
}

std::vector<pool_stats> runtime::stats() {
  return impl_->stats(5s);
}

std::vector<poisoned_call> runtime::poisoned() {
  return impl_->poisoned(5s, false);
}

std::vector<poisoned_call> runtime::clear_poisoned() {
  return impl_->poisoned(5s, true);
}

void runtime::stacks(const std::string& pool, uint32_t slot,
                     std::function<void(result<stack_report>)> done) {
  auto place = impl_->find(pool);
  if (!place)
    return done(tl::unexpected{std::move(place.error())});
  auto query = make_local(stacks_query{slot, std::move(done)});
  if (auto actor = (*place)->entry->actor())
    return caf::anon_send(caf::actor_cast<pool_actor>(actor), std::move(query));
  query->answer(fail(reason::unavailable, "pool `" + (*place)->name + "` is not running"));
}

result<stack_report> runtime::stacks(const std::string& pool, uint32_t slot) {
  auto promise = std::make_shared<std::promise<result<stack_report>>>();
  auto future = promise->get_future();
  stacks(pool, slot, [promise](auto x) { promise->set_value(std::move(x)); });
  return future.get();
}

std::vector<recorded_death> runtime::deaths(size_t most) const {
  return impl_->deaths->latest(most);
}

void runtime::recycle(const std::string& pool, uint32_t slot,
                      std::function<void(result<void>)> done) {
  auto place = impl_->find(pool);
  if (!place)
    return done(tl::unexpected{std::move(place.error())});
  auto order = make_local(recycle_order{slot, std::move(done)});
  if (auto actor = (*place)->entry->actor())
    return caf::anon_send(caf::actor_cast<pool_actor>(actor), std::move(order));
  order->answer(fail(reason::unavailable, "pool `" + (*place)->name + "` is not running"));
}

result<void> runtime::recycle(const std::string& pool, uint32_t slot) {
  auto promise = std::make_shared<std::promise<result<void>>>();
  auto future = promise->get_future();
  recycle(pool, slot, [promise](auto x) { promise->set_value(std::move(x)); });
  return future.get();
}

result<void> runtime::set_log_level(const std::string& level, const std::string& category) {
  auto x = telemetry::parse_level(level);
  if (!x)
    return fail(reason::invalid_argument, "`" + level
                                            + "` is no level of the log: say trace, debug, info, "
                                              "warning, error or off");
  if (category.empty())
    impl_->log->set_level(*x);
  else
    impl_->log->set_level(category, *x);
  return {};
}

result<subscription> runtime::subscribe(const event_filter& filter, event_callback callback,
                                        size_t backlog) {
  return telemetry::subscribe(impl_->events, filter, std::move(callback), backlog);
}

const std::string& runtime::admin_address() const noexcept {
  return impl_->admin_address;
}

result<void> runtime::stop() {
  return impl_->stop(impl_->cfg.timeouts.drain);
}

result<void> runtime::stop(duration drain) {
  return impl_->stop(drain);
}

const std::string& runtime::run_id() const noexcept {
  return impl_->run_id;
}

std::string runtime::ledger_trouble() const {
  return impl_->registry->trouble();
}

// -- handles ----------------------------------------------------------------------

call_handle::state::~state() {
  if (cancel_on_drop && is_under_way() && !io::is_fork())
    cancel();
}

void call_handle::state::cancel() const {
  if (!entry)
    return;
  if (auto actor = entry->actor())
    caf::anon_send(caf::actor_cast<pool_actor>(actor), make_local(cancel_order{ticket}));
}

void call_handle::cancel() {
  if (state_)
    state_->cancel();
}

uint64_t call_handle::id() const noexcept {
  return state_ ? state_->id : 0;
}

} // namespace snakepit
