#include <snakepit/runtime.hpp>

#include <iostream>

int main(int argc, char** argv) {
  snakepit::pool_config pool;
  pool.adapter = argc > 1 ? argv[1] : "./hello.py";
  pool.workers = 2;
  snakepit::config config;
  config.pools.push_back(pool);

  auto runtime = snakepit::runtime::start(config);
  if (!runtime) {
    std::cerr << to_string(runtime.error()) << '\n';
    return 1;
  }
  auto greeting = runtime->execute("greet", snakepit::value{{"name", "World"}});
  if (!greeting) {
    std::cerr << to_string(greeting.error()) << '\n';
    return 1;
  }
  std::cout << greeting->as<std::string>() << '\n';
}
