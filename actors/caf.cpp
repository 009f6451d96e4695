#include "actors/event_courier.hpp"
#include "actors/io/thread_reserve.hpp"
#include "actors/lifecycle_messages.hpp"
#include "actors/messages.hpp"
#include "actors/process_registry.hpp"
#include "actors/runtime_implementation.hpp"
#include "actors/supervision_messages.hpp"

#include <caf/uniform_type_info_map.hpp>

namespace snakepit {

void prepare(caf::actor_system_config& cfg) {
  cfg.add_message_types<caf::id_block::snakepit>();
  cfg.add_message_types<caf::id_block::snakepit_supervision>();
  cfg.add_message_types<caf::id_block::snakepit_internal>();
  cfg.add_message_types<caf::id_block::snakepit_registry>();
  cfg.add_message_types<caf::id_block::snakepit_lifecycle>();
}

namespace {

result<void> check_types(caf::actor_system& system) {
  if (!system.types().make_value("snakepit::request"))
    return fail(reason::invalid_config,
                "the actor system does not know our messages: call snakepit::prepare on its "
                "configuration first");
  return {};
}

} // namespace

result<runtime> start_in(caf::actor_system& system, config cfg) {
  if (auto ok = check_types(system); !ok)
    return tl::unexpected{std::move(ok.error())};
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

result<void> subscribe(runtime& from, const caf::actor& who, const event_filter& filter,
                       size_t backlog) {
  if (!who)
    return fail(reason::invalid_argument, "there is no actor to subscribe");
  if (auto ok = check_types(who.home_system()); !ok)
    return ok;
  auto mask = telemetry::mask_of(filter);
  if (!mask)
    return tl::unexpected{std::move(mask.error())};
  auto result = snakepit::result<void>{};
  if (!apart([&] { result = send_courier(who, runtime_access::of(from).events, *mask, backlog); }))
    return io::no_thread();
  return result;
}

} // namespace snakepit
