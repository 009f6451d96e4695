#include <snakepit/runtime.hpp>

#include <iostream>

/// Starts a runtime whose admin server listens on a free port, makes calls, prints the address,
/// and stays until its input ends. Arguments: adapter, folders for sockets and
/// for the ledger.
int main(int argc, char** argv) {
  if (argc != 4)
    return 2;
  auto cfg = snakepit::config{};
  cfg.instance.run_dir = argv[2];
  cfg.instance.state_dir = argv[3];
  cfg.admin.listen = "127.0.0.1:0";
  cfg.pools.emplace_back();
  cfg.pools[0].adapter = argv[1];
  cfg.pools[0].workers = 1;
  auto runtime = snakepit::runtime::start(cfg);
  if (!runtime || !runtime->await_ready()) {
    std::cerr << "no start\n";
    return 1;
  }
  auto good = runtime->execute("add", snakepit::value{{"a", 1}, {"b", 2}});
  auto crash = runtime->execute("die", snakepit::value{snakepit::value::map{}});
  if (!good || crash || !runtime->await_started())
    return 1;
  std::cout << runtime->admin_address() << std::endl;
  std::cin.get();
  return 0;
}
