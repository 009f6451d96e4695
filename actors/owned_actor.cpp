#include "actors/owned_actor.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

namespace snakepit {

owned_actor::~owned_actor() {
  if (handle_)
    caf::anon_send_exit(handle_, caf::exit_reason::kill);
}

} // namespace snakepit
