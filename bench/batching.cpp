// One worker; each invocation of its tool takes 5 ms, for one call or for up to 32.

#include "bench/bench.hpp"

#include <atomic>
#include <functional>
#include <memory>

namespace snakepit::bench {

namespace {

arguments numbered(uint64_t x) {
  return json_text{"{\"x\": " + std::to_string(x) + "}"};
}

void check(uint64_t number, const outcome& end) {
  if (!end)
    give_up(to_string(end.error()));
  if (end->text() != std::to_string(number))
    give_up("a wrong reply");
}

/// Calls per second with that many under way.
double rate(runtime& pool, const char* tool, size_t outstanding,
            std::chrono::duration<double> span) {
  struct run_of_calls {
    std::atomic<uint64_t> made{0};
    std::atomic<size_t> left;
    std::function<void()> next;
  };
  // The last callback may still have it when we have gone on.
  auto all = std::make_shared<run_of_calls>();
  all->left = outstanding;
  auto begin = clock::now();
  auto end = begin + span;
  all->next = [&pool, tool, end, it = std::weak_ptr{all}] {
    auto all = it.lock();
    if (clock::now() >= end) {
      if (--all->left == 0)
        all->left.notify_all();
      return;
    }
    auto number = ++all->made;
    pool.execute_async(tool, numbered(number), {}, [all, number](outcome x) {
      check(number, x);
      all->next();
    });
  };
  for (size_t i = 0; i < outstanding; ++i)
    all->next();
  for (auto n = all->left.load(); n != 0; n = all->left.load())
    all->left.wait(n);
  return static_cast<double>(all->made)
         / std::chrono::duration<double>(clock::now() - begin).count();
}

} // namespace

void batching(const words& args) {
  auto pool = start_pool(args[0], 1, 1000);
  auto span = std::chrono::duration<double>(std::stod(args[1]));
  figures out;
  for (auto* tool : {"costly", "costly_together"}) {
    rate(pool, tool, 64, span / 4); // warm
    out.add(std::string{tool} + "_per_second", rate(pool, tool, 128, span));
    out.add(std::string{tool} + "_alone_per_second", rate(pool, tool, 1, span));
  }
  pool.stop();
  out.print();
}

} // namespace snakepit::bench
