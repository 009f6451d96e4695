#include "actors/spawner.hpp"

namespace snakepit {

spawner_actor::behavior_type spawner(spawner_actor::stateful_pointer<spawner_state> self,
                                     std::shared_ptr<io::process_launcher> launcher) {
  auto& st = self->state;
  st.launcher = std::move(launcher);
  return {
    [&st](local<launch_order>& x) { st.on_launch(*x); },
  };
}

void spawner_state::on_launch(launch_order& x) {
  launcher->launch(std::move(x.spec), std::move(x.events), std::move(x.done));
}

} // namespace snakepit
