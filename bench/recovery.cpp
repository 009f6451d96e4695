#include "bench/bench.hpp"

#include <atomic>
#include <latch>
#include <memory>

namespace snakepit::bench {

namespace {

constexpr size_t bystanders = 16;

/// Time from the news of a crash to the first answer of the replacement. Calls that were sent with
/// the one that crashes must all succeed.
double crash_once(runtime& pool) {
  auto left = std::make_shared<std::latch>(bystanders + 1);
  clock::time_point crashed;
  clock::time_point answered; // the first
  std::atomic<bool> first{true};
  pool.execute_async("leave", json_text{"{}"}, {}, [&, left](outcome end) {
    crashed = clock::now();
    if (end || end.error().reason != reason::worker_crashed)
      give_up("the call that crashes its worker ended otherwise");
    left->count_down();
  });
  for (size_t i = 0; i < bystanders; ++i)
    pool.execute_async("echo", echo_arguments(false, i), {}, [&, left, i](outcome end) {
      if (first.exchange(false))
        answered = clock::now();
      check_echo(false, i, end);
      left->count_down();
    });
  left->wait();
  return microseconds(answered - crashed) / 1000;
}

} // namespace

void recovery(const words& args) {
  auto pool = start_pool(args[0], 1, 1000);
  std::vector<double> times;
  for (auto n = std::stoul(args[1]); n > 0; --n)
    times.push_back(crash_once(pool));
  pool.stop(); // the last callback may still be at its end
  figures out;
  out.add("ready_ms", percentile(times, 0.5)).add("worst_ms", times.back()).print();
}

} // namespace snakepit::bench
