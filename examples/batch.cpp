// Many calls of one tool, as many at a time as is good for the pool, their results in order.

#include <snakepit/batch.hpp>

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

  auto number = 0;
  auto source = [&]() -> std::optional<snakepit::arguments> {
    if (number == 10'000)
      return std::nullopt;
    // One of them cannot be greeted: a name is text.
    if (++number == 7)
      return snakepit::value{{"name", 7}};
    return snakepit::value{{"name", "number " + std::to_string(number)}};
  };
  auto letters = size_t{0};
  auto sink = [&](uint64_t index, snakepit::outcome end) {
    if (end)
      letters += end->text().size();
    else
      std::cout << "item " << index << ": " << to_string(end.error()) << '\n';
  };

  snakepit::batch_options options;
  options.max_errors = 100;
  options.progress = [](const snakepit::batch_progress& x) {
    std::cerr << x.succeeded << " done, " << x.under_way << " under way\n";
  };
  auto report = snakepit::run_batch(*runtime, "greet", source, options, sink);

  std::cout << report.succeeded << " succeeded, " << report.failed << " failed, " << letters
            << " letters\n";
  return report.complete ? 0 : 1;
}
