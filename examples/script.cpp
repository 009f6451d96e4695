// A script in C++: the pools live as long as the function runs. What it returns is the program's
// exit code; if the pools cannot start it is 1, and stderr says why.
#include <snakepit/script.hpp>

#include <iostream>

int main(int argc, char** argv) {
  snakepit::pool_config pool;
  pool.adapter = argc > 1 ? argv[1] : "./text_analysis.py";
  pool.workers = 2;
  snakepit::config config;
  config.pools.push_back(pool);

  return snakepit::run_as_script(config, [](snakepit::runtime& pools) {
    auto failures = 0;
    for (std::string line; std::getline(std::cin, line);) {
      auto found = pools.execute("analyse", snakepit::value{{"text", line}});
      if (found)
        std::cout << found->at("words").as<int64_t>() << " words" << std::endl;
      else
        std::cerr << to_string(found.error()) << '\n';
      failures += !found;
    }
    return failures == 0 ? 0 : 2;
  });
}
