#include "actors/io/stack_taker.hpp"

#include "actors/core/worker_protocol.hpp"
#include "actors/io/process_threads.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

namespace snakepit::io {

namespace {

using obstacle = core::stack_sample::obstacle;

constexpr std::chrono::milliseconds step{4};

/// The thread that is disturbed least; 0 if none may be.
int64_t thread_to_ask(const std::vector<kernel_thread>& threads) {
  for (auto& x : threads)
    if (x.state == 'R' && x.name != core::watch_thread_name)
      return x.id;
  for (auto& x : threads)
    if (x.name == core::watch_thread_name)
      return x.id;
  return threads.empty() ? 0 : threads.front().id;
}

obstacle why_not(const std::vector<kernel_thread>& threads) {
  if (threads.empty() || threads.front().state == 'Z' || threads.front().state == 'X')
    return obstacle::gone;
  if (threads.front().state == 'T' || threads.front().state == 't')
    return obstacle::stopped;
  return obstacle::none;
}

std::chrono::milliseconds since(event_loop::clock::time_point x) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(event_loop::clock::now() - x);
}

} // namespace

stack_taker::stack_taker(event_loop& loop, int64_t pid, process_group& group, stack_file& file,
                         std::function<bool(uint64_t number)> look)
  : loop_{loop}, pid_{pid}, group_{group}, file_{file}, look_{std::move(look)} {}

void stack_taker::take(std::chrono::milliseconds limit, callback done) {
  auto first = waiters_.empty();
  waiters_.push_back({clock::now() + limit, std::move(done)});
  if (first)
    begin(limit);
}

void stack_taker::begin(std::chrono::milliseconds limit) {
  begun_ = grown_ = clock::now();
  signal_at_ = begun_ + (limit >= 2 * turn ? turn : short_turn);
  size_ = 0;
  signalled_ = here_ = false;
  auto threads = list_threads(pid_);
  auto why = ended_ ? obstacle::gone : why_not(threads);
  if (why != obstacle::none)
    return give_up(why, std::move(threads));
  file_.clear();
  asked_ = look_(++number_);
  schedule();
}

void stack_taker::signal() {
  auto number = SIGRTMIN + core::stacks_signal_offset;
  auto threads = list_threads(pid_);
  auto why = why_not(threads);
  // Its default would end the process.
  if (why == obstacle::none && !handles_signal(pid_, number))
    why = obstacle::not_ready;
  if (why != obstacle::none)
    return give_up(why, std::move(threads));
  signalled_ = true;
  if (!group_.signal_thread(thread_to_ask(threads), number))
    group_.signal(number);
}

void stack_taker::give_up(obstacle why, std::vector<kernel_thread> threads) {
  find_waits(pid_, threads);
  auto x = core::stack_sample{};
  x.why_not = why;
  x.threads = std::move(threads);
  answer(std::move(x));
}

void stack_taker::schedule() {
  if (std::exchange(scheduled_, true))
    return;
  loop_.call_at(clock::now() + step, [weak = weak_from_this()] {
    if (auto self = weak.lock())
      self->on_look();
  });
}

void stack_taker::on_look() {
  scheduled_ = false;
  if (waiters_.empty())
    return;
  auto now = clock::now();
  if (auto size = file_.size(); size != size_) {
    size_ = size;
    grown_ = now;
  }
  if (is_complete())
    return answer(sample());
  if (!signalled_ && now >= signal_at_)
    signal(); // may answer
  auto late = std::vector<waiter>{};
  for (auto& x : waiters_)
    if (x.due <= now)
      late.push_back(std::move(x));
  std::erase_if(waiters_, [&](auto& x) { return x.due <= now; });
  if (!late.empty()) {
    auto x = sample();
    for (auto& one : late)
      one.done(x);
  }
  if (!waiters_.empty())
    schedule();
}

bool stack_taker::is_complete() const {
  if (here_ || !signalled_ || size_ == 0)
    return here_;
  auto silence = clock::now() - grown_;
  return silence >= long_quiet || (silence >= quiet && core::ends_whole(file_.text()));
}

core::stack_sample stack_taker::sample() const {
  auto x = core::stack_sample{};
  x.text = file_.text();
  x.complete = is_complete();
  x.gil_asked = asked_;
  x.gil_free = here_;
  x.waited = since(begun_);
  x.threads = list_threads(pid_);
  find_waits(pid_, x.threads);
  return x;
}

void stack_taker::answer(core::stack_sample x) {
  x.waited = since(begun_);
  for (auto& one : std::exchange(waiters_, {}))
    one.done(x);
}

void stack_taker::on_here(uint64_t number) {
  if (number != number_ || waiters_.empty())
    return; // too late
  here_ = true;
  answer(sample());
}

void stack_taker::on_end() {
  ended_ = true;
  if (waiters_.empty())
    return;
  auto x = core::stack_sample{};
  x.text = file_.text();
  x.why_not = obstacle::gone;
  answer(std::move(x));
}

} // namespace snakepit::io
