// A tool dies by a real SIGSEGV. Only its own call fails; the next one has a new worker.

#include <snakepit/runtime.hpp>

#include <iostream>

int main(int argc, char** argv) {
  snakepit::pool_config pool;
  pool.adapter = argc > 1 ? argv[1] : "./crashy.py";
  pool.workers = 1;
  snakepit::config config;
  config.pools.push_back(pool);

  auto runtime = snakepit::runtime::start(config);
  if (!runtime) {
    std::cerr << to_string(runtime.error()) << '\n';
    return 1;
  }
  auto before = runtime->execute("work", snakepit::value{{"number", 6}});
  auto crash = runtime->execute("work", snakepit::value{{"number", 7}, {"die", "segfault"}});
  auto after = runtime->execute("work", snakepit::value{{"number", 8}});
  if (!before || crash || !after) {
    std::cerr << "this is not what should happen\n";
    return 1;
  }
  std::cout << "before: " << before->as<int64_t>() << '\n' << to_string(crash.error()) << '\n';
  if (auto& certificate = crash.error().certificate)
    std::cout << "worker " << certificate->pool << '/' << certificate->slot << '.'
              << certificate->generation << " (pid " << certificate->pid
              << ") died of: " << certificate->cause << '\n';
  std::cout << "after: " << after->as<int64_t>() << '\n';
}
