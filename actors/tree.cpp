#include "actors/tree.hpp"

#include "actors/lifecycle_manager.hpp"
#include "actors/spawner.hpp"
#include "actors/supervisor.hpp"

namespace snakepit {

namespace {

using core::restart_strategy;
using core::restart_type;

auto fault_log(std::string where, std::shared_ptr<telemetry::log> log) {
  return [where = std::move(where), log = std::move(log)](const std::string& child,
                                                          const std::string& reason) {
    log->write(telemetry::level::error, "supervisor", "a part of the runtime ended by a fault",
               {{"supervisor", where}, {"child", child}, {"reason", reason}});
  };
}

/// A supervisor as the child of another: it bounds its children's end itself.
child_spec as_child(supervisor_spec spec) {
  auto result = child_spec{};
  result.name = spec.name;
  result.grace = core::shutdown_grace::infinite();
  result.start = [spec = std::move(spec)](const start_context& context) {
    return context.system.spawn(supervisor, spec);
  };
  return result;
}

child_spec spawner_child(const pool_plan& plan) {
  auto result = child_spec{};
  result.name = "spawner";
  result.start = [launcher = plan.launcher,
                  registry = plan.registry](const start_context& context) {
    return caf::actor_cast<caf::actor>(context.system.spawn(spawner, launcher, registry));
  };
  return result;
}

child_spec registry_child(const registry_world& world) {
  auto result = child_spec{};
  result.name = "process registry";
  result.start = [world](const start_context& context) {
    auto handle = caf::actor_cast<caf::actor>(context.system.spawn(process_registry, world));
    world.entry->set_actor(handle);
    return handle;
  };
  return result;
}

child_spec pool_child(const pool_plan& plan) {
  auto result = child_spec{};
  result.name = "pool";
  result.start = [settings = plan.settings, world = plan.world](const start_context& context) {
    auto complete = world;
    complete.spawner = context.sibling("spawner");
    auto handle =
      caf::actor_cast<caf::actor>(context.system.spawn(pool, settings, std::move(complete)));
    world.entry->set_actor(handle);
    return handle;
  };
  return result;
}

child_spec worker_supervisor_child(const pool_plan& plan) {
  auto spec = supervisor_spec{};
  spec.name = "workers";
  spec.stop = core::stop_order::together;
  spec.on_fault = fault_log(plan.settings.config.name + "/workers", plan.world.log);
  auto result = as_child(std::move(spec));
  result.start = [start = result.start](const start_context& context) {
    auto handle = start(context);
    caf::anon_send(caf::actor_cast<pool_actor>(context.sibling("pool")),
                   make_local(supervisor_up{handle}));
    return handle;
  };
  return result;
}

child_spec lifecycle_child(const pool_plan& plan) {
  auto& config = plan.settings.config;
  auto settings = lifecycle_settings{};
  settings.pool = config.name;
  settings.recycle = config.recycle;
  settings.seed = plan.settings.recycle_seed;
  settings.pause = config.restart.retry_failed;
  settings.spec = plan.settings.spec;
  settings.reload_failures = config.restart.start_failures;
  auto result = child_spec{};
  result.name = "lifecycle manager";
  result.start = [settings = std::move(settings), world = plan.world,
                  meter = plan.meter](const start_context& context) {
    auto mine = lifecycle_world{
      context.sibling("pool"), meter,       context.sibling("spawner"), world.entry, world.log,
      world.metrics,           world.events};
    auto handle =
      caf::actor_cast<caf::actor>(context.system.spawn(lifecycle_manager, settings, mine));
    world.entry->set_lifecycle(handle);
    return handle;
  };
  return result;
}

supervisor_spec pool_tree(const pool_plan& plan) {
  auto result = supervisor_spec{};
  result.name = plan.settings.config.name;
  result.strategy = restart_strategy::rest_for_one;
  result.intensity = 5;
  result.period = std::chrono::seconds{10};
  result.on_fault = fault_log(result.name, plan.world.log);
  result.children = {spawner_child(plan), pool_child(plan), worker_supervisor_child(plan),
                     lifecycle_child(plan)};
  return result;
}

} // namespace

supervisor_spec root_tree(std::vector<pool_plan> pools, const std::shared_ptr<telemetry::log>& log,
                          const registry_world& registry) {
  auto all = supervisor_spec{};
  all.name = "pools";
  all.stop = core::stop_order::together;
  all.intensity = 5;
  all.period = std::chrono::seconds{30};
  all.on_fault = fault_log("pools", log);
  for (auto& plan : pools)
    all.children.push_back(as_child(pool_tree(plan)));
  auto root = supervisor_spec{};
  root.name = "root";
  root.intensity = 3;
  root.period = std::chrono::seconds{60};
  root.on_fault = fault_log("root", log);
  if (registry.entry)
    root.children.push_back(registry_child(registry));
  root.children.push_back(as_child(std::move(all)));
  return root;
}

} // namespace snakepit
