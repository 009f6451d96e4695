// What happens to the workers while a call crashes one: events, told to a callback.

#include <snakepit/runtime.hpp>

#include <iostream>

int main(int argc, char** argv) {
  snakepit::pool_config pool;
  pool.adapter = argc > 1 ? argv[1] : "./crashy.py";
  pool.workers = 1;
  snakepit::config config;
  config.pools.push_back(pool);
  config.log.level = "off";
  // A subscriber in the configuration hears of everything from the first worker on;
  // `runtime::subscribe` adds others later. It has a thread of its own and may take its time.
  config.events.filter.names = {"worker."};
  config.events.sink = [](const snakepit::event& x) { std::cout << to_string(x) << std::endl; };

  auto runtime = snakepit::runtime::start(config);
  if (!runtime) {
    std::cerr << to_string(runtime.error()) << '\n';
    return 1;
  }
  auto crash = runtime->execute("work", snakepit::value{{"number", 7}, {"die", "segfault"}});
  auto after = runtime->execute("work", snakepit::value{{"number", 8}});
  runtime->stop(); // what it ends is told, too
  return !crash && after ? 0 : 1;
}
