// A hundred thousand calls of one tool in a few messages: the cheapest way to make many.

#include <snakepit/runtime.hpp>

#include <atomic>
#include <chrono>
#include <iostream>
#include <semaphore>

int main(int argc, char** argv) {
  constexpr size_t total = 100'000;
  constexpr size_t lot = 500;
  constexpr ptrdiff_t lots_at_once = 8;

  snakepit::pool_config pool;
  pool.adapter = argc > 1 ? argv[1] : "./hello.py";
  pool.workers = 2;
  pool.queue.max_calls = lot * lots_at_once;
  snakepit::config config;
  config.pools.push_back(pool);

  auto runtime = snakepit::runtime::start(config);
  if (!runtime) {
    std::cerr << to_string(runtime.error()) << '\n';
    return 1;
  }
  if (auto ready = runtime->await_started(); !ready) {
    std::cerr << to_string(ready.error()) << '\n';
    return 1;
  }
  std::atomic<size_t> succeeded = 0;
  std::counting_semaphore<lots_at_once> room{lots_at_once};
  auto begin = std::chrono::steady_clock::now();
  for (size_t first = 0; first < total; first += lot) {
    std::vector<snakepit::arguments> args;
    for (size_t i = first; i < first + lot; ++i)
      args.push_back(snakepit::json_text{"{\"name\": \"number " + std::to_string(i) + "\"}"});
    room.acquire();
    auto left = std::make_shared<std::atomic<size_t>>(lot);
    runtime->submit_many("greet", std::move(args), {},
                         [&succeeded, &room, left](size_t, snakepit::outcome end) {
                           succeeded += end.has_value();
                           if (--*left == 0)
                             room.release();
                         });
  }
  for (ptrdiff_t i = 0; i < lots_at_once; ++i)
    room.acquire();
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::cout << succeeded << " of " << total << " calls succeeded, "
            << static_cast<size_t>(total / seconds.count()) << " a second\n";
  return succeeded == total ? 0 : 1;
}
