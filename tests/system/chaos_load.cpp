#include "tests/system/chaos_load.hpp"

#include <chrono>
#include <csignal>

#include <sys/syscall.h>
#include <unistd.h>

namespace snakepit::test {

using namespace std::chrono_literals;

namespace {

constexpr size_t most_outstanding = 256;
constexpr size_t most_at_once = 20;
constexpr size_t cancel_lag = 3; // steps from a call to its cancel, at most

int open_pidfd(int64_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

} // namespace

// -- calls ------------------------------------------------------------------------

bool chaos_load::chance(double share) {
  return std::uniform_real_distribution<>{}(random_) < share;
}

uint64_t chaos_load::between(uint64_t least, uint64_t most) {
  return std::uniform_int_distribution<uint64_t>{least, most}(random_);
}

chaos_load::prepared chaos_load::make_call() {
  auto out = prepared{};
  auto& call = out.call;
  // Never the same twice: the count, and something that no other run has.
  auto number = (++made_ << 20) | between(0, (1 << 20) - 1);
  call.nonce = std::to_string(number);
  if (chance(0.1)) {
    call.tool = "mirror";
    call.nonce += std::string(between(0, 200), '-');
    out.args = raw_bytes{call.nonce};
  } else if (chance(0.05)) {
    call.tool = "nap";
    out.args =
      json_text{"{\"nonce\": " + call.nonce + ", \"ms\": " + std::to_string(between(0, 5)) + "}"};
  } else {
    call.tool = "echo";
    out.args = json_text{"{\"nonce\": " + call.nonce + "}"};
  }
  return out;
}

call_options chaos_load::some_options() {
  auto out = call_options{};
  // All end, since some of their workers hang.
  out.timeout = chance(0.05) ? std::chrono::milliseconds{between(1, 50)} : 1s;
  if (chance(0.05))
    out.queue_timeout = std::chrono::milliseconds{between(1, 20)};
  out.priority = static_cast<priority>(between(0, 2));
  return out;
}

void chaos_load::take_room(size_t calls) {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return outstanding_ + calls <= most_outstanding; });
  outstanding_ += calls;
}

void chaos_load::done(const chaos_call& call, const outcome& end) {
  if (!ledger_.note(call, end))
    return;
  std::lock_guard guard{mutex_};
  --outstanding_;
  changed_.notify_all();
}

void chaos_load::step() {
  if (chance(0.2))
    return submit_some();
  take_room(1);
  auto x = make_call();
  x.call.cancelled = chance(0.02);
  auto handle = runtime_.execute_async(x.call.tool, std::move(x.args), some_options(),
                                       [this, call = x.call](outcome end) { done(call, end); });
  if (x.call.cancelled && chance(0.3))
    handle.cancel(); // at once
  else if (x.call.cancelled)
    doomed_.push_back(std::move(handle));
  while (doomed_.size() > between(0, cancel_lag)) {
    doomed_.front().cancel();
    doomed_.pop_front();
  }
}

void chaos_load::submit_some() {
  auto count = between(2, most_at_once);
  take_room(count);
  auto calls = std::make_shared<std::vector<chaos_call>>();
  auto args = std::vector<arguments>{};
  for (size_t i = 0; i < count; ++i) {
    auto number = std::to_string((++made_ << 20) | between(0, (1 << 20) - 1));
    args.push_back(json_text{"{\"nonce\": " + number + "}"});
    calls->push_back({"echo", std::move(number)});
  }
  runtime_.submit_many("echo", std::move(args), some_options(),
                       [this, calls](size_t i, const outcome& end) { done(calls->at(i), end); });
}

void chaos_load::await_all(duration patience) {
  for (auto& x : doomed_)
    x.cancel();
  doomed_.clear();
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, patience, [&] { return outstanding_ == 0; });
}

// -- kills ------------------------------------------------------------------------

chaos_killer::chaos_killer(runtime& of, uint64_t seed, duration pause) {
  auto told = of.subscribe({{event_kind::worker_ready}, {}}, [this](auto& x) { on_ready(x); });
  if (told)
    events_ = std::move(*told);
  thread_ = std::thread{[=, this] { run(seed, pause); }};
}

chaos_killer::~chaos_killer() {
  events_.cancel();
  {
    std::lock_guard guard{mutex_};
    stop_ = true;
    stopped_.notify_all();
  }
  thread_.join();
  for (auto& [slot, fd] : pidfds_)
    ::close(fd);
}

void chaos_killer::on_ready(const event& x) {
  auto fd = open_pidfd(std::atoll(std::string{x.text("pid")}.c_str()));
  if (fd < 0)
    return;
  std::lock_guard guard{mutex_};
  auto [at, is_new] = pidfds_.emplace(x.text("slot"), fd);
  if (!is_new)
    ::close(std::exchange(at->second, fd));
}

void chaos_killer::run(uint64_t seed, duration pause) {
  std::mt19937_64 random{seed};
  std::unique_lock lock{mutex_};
  while (!stopped_.wait_for(lock, pause, [this] { return stop_; })) {
    if (pidfds_.empty())
      continue;
    auto at = pidfds_.begin();
    std::advance(at, std::uniform_int_distribution<size_t>{0, pidfds_.size() - 1}(random));
    // What has been replaced meanwhile is gone, and with it its pidfd's use.
    if (::syscall(SYS_pidfd_send_signal, at->second, SIGKILL, nullptr, 0) == 0)
      ++kills_;
  }
}

} // namespace snakepit::test
