// A pool inside a CAF program: its actors ask the pool as they ask any other actor.

#include <snakepit/caf.hpp>

#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <iostream>

namespace {

// Asks for a greeting and goes.
caf::behavior guest(caf::event_based_actor* self, snakepit::pool_interface pool, std::string name) {
  snakepit::request ask;
  ask.tool = "greet";
  ask.args = "{\"name\": \"" + name + "\"}";
  self->request(pool, caf::infinite, ask)
    .then([](const snakepit::response& x) { std::cout << x.text << std::endl; },
          [](const caf::error& x) { std::cerr << to_string(snakepit::from_caf(x)) << std::endl; });
  return {};
}

} // namespace

int main(int argc, char** argv) {
  caf::actor_system_config cfg;
  cfg.set("scheduler.policy", caf::atom("sharing"));
  snakepit::prepare(cfg);
  caf::actor_system system{cfg};

  snakepit::pool_config pool;
  pool.adapter = argc > 1 ? argv[1] : "./hello.py";
  pool.workers = 1;
  snakepit::config config;
  config.pools.push_back(pool);
  auto runtime = snakepit::start_in(system, config);
  if (!runtime) {
    std::cerr << to_string(runtime.error()) << '\n';
    return 1;
  }
  auto actor = snakepit::pool_actor_of(*runtime);
  if (!actor) {
    std::cerr << to_string(actor.error()) << '\n';
    return 1;
  }
  caf::scoped_actor self{system};
  for (auto* name : {"Erlang", "Elixir"}) {
    auto visitor = self->spawn(guest, *actor, std::string{name});
    self->wait_for(visitor);
  }
}
