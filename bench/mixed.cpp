// Two lanes; one call in a hundred takes 50 ms, the others nothing.

#include "bench/bench.hpp"
#include "bench/schedule.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <thread>

namespace snakepit::bench {

namespace {

constexpr size_t lanes = 2;
constexpr size_t closed_outstanding = 512;
constexpr double long_share = 0.01;
constexpr double long_seconds = 0.05;
/// Calls a second that take 30 % of what two lanes can do.
constexpr double open_rate = 0.3 * lanes / (long_share * long_seconds);
constexpr int64_t slack = 2'000'000;

/// The clock that Python's monotonic_ns reads.
int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now().time_since_epoch())
    .count();
}

/// Makes calls of `timed` and records what becomes of them.
class recording {
public:
  /// `share`: of calls that are long; `mixes`: whether each has a priority at random.
  recording(runtime& pool, uint64_t seed, double share, bool mixes)
    : pool_{pool}, random_{seed}, long_{share}, mixes_{mixes} {}

  /// `then` is called at its end, from a thread of the runtime.
  void submit(std::function<void()> then) {
    size_t number = 0;
    bool is_long = false;
    call_options options;
    {
      std::lock_guard lock{mutex_};
      number = calls_.size();
      is_long = long_(random_);
      if (mixes_)
        options.priority = static_cast<priority>(random_() % priorities_.size());
      priorities_[static_cast<size_t>(options.priority)].push_back(number);
      calls_.push_back({.is_long = is_long, .submitted = now()});
    }
    auto text = "{\"x\": " + std::to_string(number)
                + ", \"seconds\": " + (is_long ? std::to_string(long_seconds) : "0") + "}";
    pool_.execute_async("timed", json_text{std::move(text)}, options,
                        [this, number, then = std::move(then)](outcome end) {
                          take(number, now(), std::move(end));
                          then();
                        });
  }

  /// In the order of their submission. When all have ended.
  std::vector<recorded_call>& calls() {
    return calls_;
  }

  /// The numbers of its calls.
  const std::vector<size_t>& of(priority x) const {
    return priorities_[static_cast<size_t>(x)];
  }

private:
  void take(size_t number, int64_t at, outcome end) {
    auto got = end.and_then([](auto&& x) { return x.to_value(); });
    if (!got || got->at(size_t{0}) != value{number})
      give_up(got ? "a wrong reply" : to_string(got.error()));
    std::lock_guard lock{mutex_};
    auto& x = calls_[number];
    x.lane = got->at(1).template as<int64_t>();
    x.began = got->at(2).template as<int64_t>();
    x.ended = got->at(3).template as<int64_t>();
    x.answered = at;
  }

  runtime& pool_;
  std::mutex mutex_; // guards what follows
  std::mt19937_64 random_;
  std::bernoulli_distribution long_;
  const bool mixes_;
  std::array<std::vector<size_t>, 3> priorities_;
  std::vector<recorded_call> calls_;
};

void run_closed(recording& to, std::chrono::duration<double> span) {
  std::atomic<size_t> left{closed_outstanding};
  auto end = clock::now() + span;
  std::function<void()> next = [&] {
    if (clock::now() < end)
      to.submit(next);
    else if (--left == 0)
      left.notify_all();
  };
  for (size_t i = 0; i < closed_outstanding; ++i)
    to.submit(next);
  for (auto n = left.load(); n != 0; n = left.load())
    left.wait(n);
}

void run_open(recording& to, std::chrono::duration<double> span, uint64_t seed) {
  std::atomic<size_t> left{1};
  std::mt19937_64 random{seed + 1};
  std::exponential_distribution<double> pause{open_rate};
  auto at = clock::now();
  for (auto end = at + span; at < end;) {
    at += std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>{pause(random)});
    std::this_thread::sleep_until(at);
    ++left;
    to.submit([&left] {
      if (--left == 0)
        left.notify_all();
    });
  }
  --left;
  for (auto n = left.load(); n != 0; n = left.load())
    left.wait(n);
}

/// The p99 of the short calls of each priority.
void add_priorities(figures& out, recording& from) {
  for (auto x : {priority::high, priority::normal, priority::low}) {
    std::vector<double> took;
    for (auto i : from.of(x))
      if (auto& call = from.calls()[i]; !call.is_long)
        took.push_back(static_cast<double>(call.answered - call.submitted) / 1e3);
    out.add(std::string{to_string(x)} + "_p99_us", percentile(took, 0.99));
  }
}

void report(recording& from, bool mixes) {
  auto& calls = from.calls();
  auto ends = perfect_ends(calls, lanes);
  std::vector<double> real, perfect;
  int64_t last = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    last = std::max(last, calls[i].answered);
    if (calls[i].is_long)
      continue;
    real.push_back(static_cast<double>(calls[i].answered - calls[i].submitted) / 1e3);
    perfect.push_back(static_cast<double>(ends[i] - calls[i].submitted) / 1e3);
  }
  auto first = calls.front().submitted;
  figures out;
  out.add("short_p99_us", percentile(real, 0.99));
  out.add("perfect_p99_us", percentile(perfect, 0.99));
  out.add("throughput_share", static_cast<double>(*std::ranges::max_element(ends) - first)
                                / static_cast<double>(last - first));
  auto waits = count_idle_waits(calls, slack);
  out.add("waits_behind", static_cast<double>(waits.behind));
  out.add("idle_waits", static_cast<double>(waits.all));
  if (mixes)
    add_priorities(out, from);
  out.add("calls", static_cast<double>(calls.size())).print();
}

} // namespace

void mixed(const words& args) {
  auto pool = start_pool(args[0], lanes, 100'000);
  auto span = std::chrono::duration<double>(std::stod(args[2]));
  auto seed = std::stoull(args[3]);
  auto mixes = args[1].ends_with("-priorities");
  recording calls{pool, seed, args[1] == "short" ? 0 : long_share, mixes};
  if (args[1].starts_with("closed"))
    run_closed(calls, span);
  else
    run_open(calls, span, seed);
  pool.stop(); // the last callback may still be at its end
  report(calls, mixes);
}

} // namespace snakepit::bench
