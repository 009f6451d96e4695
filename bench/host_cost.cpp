// snakepit_host_cost ADAPTER WORKERS LANES OUTSTANDING CALLS [SESSIONS]: processor time and
// allocations of this process for each call, which come from so many sessions in turn. A program of
// its own, since it counts what `new` is asked for.

#include "bench/bench.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <latch>
#include <memory>
#include <new>

namespace {

std::atomic<uint64_t> allocations{0};

} // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (auto* out = std::malloc(size))
    return out;
  throw std::bad_alloc{};
}

void operator delete(void* x) noexcept {
  std::free(x);
}

void operator delete(void* x, std::size_t) noexcept {
  std::free(x);
}

using namespace snakepit;
using namespace snakepit::bench;

namespace {

/// Makes calls in lots of `outstanding`, each lot when the one before has ended.
void make_calls(runtime& pool, size_t outstanding, size_t count, size_t sessions) {
  auto options = call_options{};
  for (size_t done = 0; done < count; done += outstanding) {
    auto left = std::make_shared<std::latch>(static_cast<ptrdiff_t>(outstanding));
    for (size_t i = 0; i < outstanding; ++i) {
      if (sessions > 0)
        options.session = std::to_string((done + i) % sessions);
      pool.execute_async("echo", echo_arguments(false, done + i), options,
                         [left, n = done + i](outcome x) {
                           check_echo(false, n, x);
                           left->count_down();
                         });
    }
    left->wait();
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7)
    give_up("usage: snakepit_host_cost ADAPTER WORKERS LANES OUTSTANDING CALLS [SESSIONS]");
  auto sessions = argc == 7 ? std::stoul(argv[6]) : 0;
  auto outstanding = std::stoul(argv[4]);
  auto count = (std::stoul(argv[5]) + outstanding - 1) / outstanding * outstanding;
  auto pool = start_pool(argv[1], std::stoul(argv[2]), outstanding, std::stoul(argv[3]));
  make_calls(pool, outstanding, std::max(outstanding, sessions), sessions); // warm
  auto cpu = cpu_seconds();
  auto before = allocations.load();
  make_calls(pool, outstanding, count, sessions);
  auto per_call = [&](double x) { return x / static_cast<double>(count); };
  figures out;
  out.add("host_cpu_us", per_call((cpu_seconds() - cpu) * 1e6));
  out.add("allocations", per_call(static_cast<double>(allocations.load() - before))).print();
}
