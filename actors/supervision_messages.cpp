#include "actors/supervision_messages.hpp"

namespace snakepit {

std::string to_string(supervision_error x) {
  switch (x) {
  case supervision_error::too_many_restarts:
    return "too many restarts";
  case supervision_error::start_failed:
    return "start failed";
  case supervision_error::invalid_spec:
    return "invalid child spec";
  case supervision_error::unknown_child:
    return "no such child";
  case supervision_error::stopping:
    return "the supervisor is stopping";
  }
  return "supervision error " + std::to_string(static_cast<unsigned>(x));
}

std::string to_string(child_state x) {
  switch (x) {
  case child_state::waiting:
    return "waiting";
  case child_state::running:
    return "running";
  case child_state::stopping:
    return "stopping";
  case child_state::ended:
    return "ended";
  }
  return "child state " + std::to_string(static_cast<unsigned>(x));
}

} // namespace snakepit
