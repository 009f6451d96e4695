// Several calls at once, each with a future: they run in two workers beside each other.

#include <snakepit/runtime.hpp>

#include <iostream>
#include <vector>

int main(int argc, char** argv) {
  snakepit::pool_config pool;
  pool.adapter = argc > 1 ? argv[1] : "./text_analysis.py";
  pool.workers = 2;
  snakepit::config config;
  config.pools.push_back(pool);

  auto runtime = snakepit::runtime::start(config);
  if (!runtime) {
    std::cerr << to_string(runtime.error()) << '\n';
    return 1;
  }
  const std::vector<std::string> texts{
    "The cat sat on the mat. It was a fine cat.",
    "Notwithstanding any provision hereinbefore enumerated, obligations remain enforceable.",
    "Short. Shorter. Shortest.",
  };
  snakepit::call_options options;
  options.timeout = std::chrono::seconds{30};
  std::vector<snakepit::call_future> calls;
  for (auto& text : texts)
    calls.push_back(runtime->execute_async("analyse", snakepit::value{{"text", text}}, options));

  int failed = 0;
  for (auto& call : calls) {
    if (auto found = call.future.get()) {
      std::cout << found->at("words").as<int64_t>() << " words, "
                << found->at("sentences").as<int64_t>()
                << " sentences, longest word: " << found->at("longest_word").as<std::string>()
                << '\n';
    } else {
      std::cerr << to_string(found.error()) << '\n';
      ++failed;
    }
  }
  return failed == 0 ? 0 : 1;
}
