// Calls whose ends come to callbacks, one of them cancelled by its handle.

#include <snakepit/runtime.hpp>

#include <iostream>
#include <latch>
#include <mutex>

int main(int argc, char** argv) {
  snakepit::pool_config pool;
  pool.adapter = argc > 1 ? argv[1] : "./hello.py";
  pool.workers = 1;
  snakepit::config config;
  config.pools.push_back(pool);

  auto runtime = snakepit::runtime::start(config);
  if (!runtime) {
    std::cerr << to_string(runtime.error()) << '\n';
    return 1;
  }
  // Callbacks come from threads of the runtime: they must not block, and share what they touch.
  std::mutex output;
  std::latch left{3};
  auto say = [&](const std::string& name) {
    return [&, name](snakepit::outcome end) {
      auto text = end ? end->text() : to_string(end.error());
      {
        std::lock_guard lock{output};
        std::cout << name << ": " << text << std::endl;
      }
      left.count_down(); // last: after that `output` may be gone
    };
  };
  for (auto* name : {"Ada", "Grace"})
    runtime->execute_async("greet", snakepit::value{{"name", name}}, {}, say(name));
  // Arguments may be JSON text as well. This call is withdrawn: it may or may not have run.
  auto handle = runtime->execute_async("greet", snakepit::json_text{R"({"name": "nobody"})"}, {},
                                       say("withdrawn"));
  handle.cancel();
  left.wait();
}
