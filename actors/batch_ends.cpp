#include "actors/batch_engine.hpp"

#include <algorithm>

namespace snakepit {

namespace {

using namespace std::chrono_literals;

// Above this many under way ends are left to gather for a moment instead of waking for each.
constexpr size_t busy_batch = 64;
constexpr size_t gathered_ends = 256;
constexpr auto gather_time = 1ms;

} // namespace

void batch_engine::post(ended x, outcome&& end) {
  x.take(std::move(end));
  auto guard = std::lock_guard{mutex_};
  if (level() == batch_handle::state::abandoned)
    return;
  inbox_.push_back(std::move(x));
  if (inbox_.size() == 1 || inbox_.size() == gathered_ends)
    mail_.notify_one();
}

void batch_engine::collect() {
  auto lock = std::unique_lock{mutex_};
  auto until = options_.progress ? core::later(told_, options_.progress_interval) : core::never;
  if (!retries_.empty())
    until = std::min(until, retries_.top().due);
  auto left = [this] { return level() == batch_handle::state::abandoned; };
  auto there = [&] {
    return left() || !inbox_.empty() || all_settled()
           || (!retries_.empty() && level() != batch_handle::state::runs);
  };
  if (until == core::never)
    mail_.wait(lock, there);
  else
    mail_.wait_until(lock, until, there);
  if (flow_.under_way() > busy_batch && !left())
    mail_.wait_for(lock, gather_time, [&] { return left() || inbox_.size() >= gathered_ends; });
  collected_.clear(); // what it holds of memory goes on from one to the other
  if (!left())
    collected_.swap(inbox_);
}

void batch_engine::settle(std::vector<ended>& xs) {
  if (xs.empty())
    return;
  auto returned = size_t{0};
  auto argument_bytes = uint64_t{0};
  auto result_bytes = uint64_t{0};
  auto items_before = count_.items();
  auto bytes_before = delivered_bytes_;
  for (auto& x : xs) {
    if (put_off(x))
      continue;
    ++returned;
    argument_bytes += x.bytes;
    result_bytes += x.result_bytes();
    if (!options_.ordered) {
      deliver(x);
      continue;
    }
    auto index = x.index;
    if (index == order_.next()) { // most of the time, without a detour
      order_.skip();
      deliver(x);
    } else {
      order_.put(index, std::move(x));
    }
    while (auto due = order_.take())
      deliver(*due);
  }
  {
    auto guard = std::lock_guard{mutex_};
    flow_.returned(returned, argument_bytes, result_bytes);
    flow_.written(count_.items() - items_before, delivered_bytes_ - bytes_before);
    flow_.adapt(clock::now());
    if (!inbox_.empty())
      return room_.notify_one();
  }
  room_.notify_one();
  if (options_.settled)
    options_.settled();
}

bool batch_engine::put_off(ended& x) {
  if (!x.again || level() != batch_handle::state::runs)
    return false;
  auto pause = count_.pause(x.why.get(), x.attempt);
  if (pause < 0ns)
    return false;
  retries_.push(
    {clock::now() + pause, x.index, x.bytes, x.attempt + 1, std::move(x.again), std::move(x.why)});
  return true;
}

void batch_engine::deliver(ended& x) {
  if (level() == batch_handle::state::abandoned)
    return;
  delivered_bytes_ += x.result_bytes();
  count_.ended(x.index, x.why.get());
  auto stops = count_.must_stop();
  if (x.why)
    sink_(x.index, tl::unexpected{std::move(*x.why)});
  else
    sink_(x.index, std::move(x.got));
  if (stops)
    raise(batch_handle::state::stopped);
}

void batch_engine::give_up_retries() {
  auto ends = std::vector<ended>{};
  for (; !retries_.empty(); retries_.pop()) {
    auto& x = retries_.top();
    ends.push_back({x.index, x.bytes, x.attempt});
    ends.back().why = std::make_unique<error>(std::move(*x.why));
  }
  settle(ends);
}

void batch_engine::tell_progress(bool last) {
  if (!options_.progress)
    return;
  auto now = clock::now();
  if (!last && now - told_ < options_.progress_interval)
    return;
  told_ = now;
  auto x = batch_progress{};
  x.succeeded = count_.report().succeeded;
  x.failed = count_.report().failed;
  x.retried = count_.report().retried;
  {
    auto guard = std::lock_guard{mutex_};
    x.under_way = flow_.under_way();
  }
  x.elapsed = now - started_;
  options_.progress(x);
}

void batch_engine::call_again() {
  while (!retries_.empty() && retries_.top().due <= clock::now()) {
    auto x = retries_.top();
    retries_.pop();
    auto args = std::vector<arguments>{};
    args.push_back(*x.args);
    submit(std::move(args), [self = shared_from_this(), x](size_t, outcome end) {
      auto back = ended{x.index, x.bytes, x.attempt};
      if (!end && end.error().retryable)
        back.again = std::make_unique<arguments>(std::move(*x.args));
      self->post(std::move(back), std::move(end));
    });
  }
}

} // namespace snakepit
