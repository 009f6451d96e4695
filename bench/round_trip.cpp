#include "bench/bench.hpp"

namespace snakepit::bench {

void round_trip(const words& args) {
  auto pool = start_pool(args[0], 2, 1000);
  auto span = std::chrono::duration<double>(std::stod(args[1]));
  std::vector<double> times;
  uint64_t number = 0;
  auto warm_until = clock::now() + span / 10;
  auto end = warm_until + span;
  for (auto now = clock::now(); now < end;) {
    auto x = echo_arguments(false, ++number);
    auto begin = clock::now();
    auto got = pool.execute("echo", std::move(x));
    now = clock::now();
    if (!got || *got != value{number})
      give_up(got ? "a wrong reply" : to_string(got.error()));
    if (begin >= warm_until)
      times.push_back(microseconds(now - begin));
  }
  figures out;
  out.add("p50_us", percentile(times, 0.5)).add("p99_us", percentile(times, 0.99));
  out.add("calls", static_cast<double>(times.size())).print();
}

} // namespace snakepit::bench
