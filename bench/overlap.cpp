// How far the lanes of one worker overlap.

#include "bench/bench.hpp"

#include <atomic>
#include <functional>
#include <memory>

namespace snakepit::bench {

namespace {

/// Makes the calls, so many outstanding at once, and returns how long they took in all.
clock::duration run_all(runtime& pool, const char* tool, const std::string& rest, size_t calls,
                        size_t outstanding) {
  std::atomic<size_t> next{0};
  auto left = std::make_shared<std::atomic<size_t>>(calls);
  std::function<void()> submit = [&] {
    auto number = next++;
    if (number >= calls)
      return;
    pool.execute_async(tool, json_text{"{\"x\": " + std::to_string(number) + rest + "}"}, {},
                       [&, left, number](outcome end) {
                         check_echo(false, number, end);
                         submit();
                         if (--*left == 0)
                           left->notify_all();
                       });
  };
  auto begin = clock::now();
  for (size_t i = 0; i < outstanding; ++i)
    submit();
  for (auto n = left->load(); n != 0; n = left->load())
    left->wait(n);
  return clock::now() - begin;
}

double seconds(clock::duration x) {
  return std::chrono::duration<double>(x).count();
}

/// `alone`: what the calls take one after the other, in seconds.
void report(clock::duration took, double alone) {
  figures out;
  out.add("took_ms", microseconds(took) / 1e3);
  out.add("overlap", alone / seconds(took)).print();
}

} // namespace

void overlap(const words& args) {
  auto lanes = std::stoul(args[2]);
  auto calls = std::stoul(args[3]);
  auto each = std::stod(args[4]);
  auto pool = start_pool(args[0], 1, 100'000, lanes, args[1]);
  run_all(pool, "nap", ", \"seconds\": 0", 2 * lanes, lanes); // warm
  auto took = run_all(pool, "nap", ", \"seconds\": " + args[4], calls, lanes);
  pool.stop(); // the last callback may still be at its end
  report(took, static_cast<double>(calls) * each);
}

void speedup(const words& args) {
  auto lanes = std::stoul(args[1]);
  auto calls = std::stoul(args[2]);
  auto pool = start_pool(args[0], 1, 100'000, lanes);
  run_all(pool, "multiply", "", 2 * lanes, lanes); // warm
  auto alone = run_all(pool, "multiply", "", calls, 1);
  auto together = run_all(pool, "multiply", "", calls, lanes);
  pool.stop();
  report(together, seconds(alone));
}

} // namespace snakepit::bench
