#include "actors/messages.hpp"
#include "actors/runtime_implementation.hpp"
#include "actors/supervision_messages.hpp"

#include <caf/uniform_type_info_map.hpp>

namespace snakepit {

void prepare(caf::actor_system_config& cfg) {
  cfg.add_message_types<caf::id_block::snakepit>();
  cfg.add_message_types<caf::id_block::snakepit_supervision>();
  cfg.add_message_types<caf::id_block::snakepit_internal>();
}

result<runtime> start_in(caf::actor_system& system, config cfg) {
  if (!system.types().make_value("snakepit::request"))
    return fail(reason::invalid_config,
                "the actor system does not know our messages: call snakepit::prepare on its "
                "configuration first");
  return runtime::implementation::start(std::move(cfg), nullptr, &system);
}

result<pool_interface> pool_actor_of(runtime& from, const std::string& pool) {
  auto place = runtime_access::of(from).find(pool);
  if (!place)
    return tl::unexpected{std::move(place.error())};
  if (auto actor = (*place)->entry->actor())
    return caf::actor_cast<pool_interface>(actor);
  return fail(reason::unavailable, "the pool is being started");
}

} // namespace snakepit
