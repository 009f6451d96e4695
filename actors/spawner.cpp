#include "actors/spawner.hpp"

namespace snakepit {

namespace {

/// The registry keeps its patience itself; this is for one that cannot.
constexpr auto registry_timeout = 2 * registry_patience;

/// Tells the registry when the launcher lets go of the last callback of a process: then it has been
/// reaped, or was never started.
class process_line {
public:
  process_line(std::shared_ptr<registry_entry> registry, uint64_t id)
    : registry_{std::move(registry)}, id_{id} {}
  ~process_line() {
    tell(process_ended{id_});
  }
  process_line(const process_line&) = delete;
  process_line& operator=(const process_line&) = delete;

  void started(const core::worker_key& who, const core::process_identity& process) const {
    tell(process_started{id_, who, process});
  }

private:
  template <class T>
  void tell(T x) const {
    if (auto actor = registry_->actor())
      caf::anon_send(caf::actor_cast<process_registry_actor>(actor), make_local(std::move(x)));
  }

  std::shared_ptr<registry_entry> registry_;
  uint64_t id_;
};

} // namespace

spawner_actor::behavior_type spawner(spawner_actor::stateful_pointer<spawner_state> self,
                                     std::shared_ptr<io::process_launcher> launcher,
                                     std::shared_ptr<registry_entry> registry) {
  auto& st = self->state;
  st.launcher = std::move(launcher);
  st.registry = std::move(registry);
  return {
    [&st](local<launch_order>& x) { st.on_launch(x); },
    [&st](local<retire_order>& x) { st.launcher->retire(x->origin); },
  };
}

void spawner_state::on_launch(local<launch_order>& x) {
  auto actor = registry ? registry->actor() : nullptr;
  if (!actor)
    return launch(*x, 0);
  self
    ->request(caf::actor_cast<process_registry_actor>(actor), registry_timeout,
              make_local(reservation{x->who}))
    .then([this, x](uint64_t entry) { launch(*x, entry); },
          [this, x](const caf::error&) { launch(*x, 0); });
}

void spawner_state::launch(launch_order& x, uint64_t entry) {
  if (entry == 0)
    return launcher->launch(std::move(x.spec), std::move(x.events), std::move(x.done));
  auto line = std::make_shared<process_line>(registry, entry);
  x.events.on_exit = [line, told = std::move(x.events.on_exit)](io::exit_status end) { told(end); };
  auto done = [line, who = std::move(x.who),
               told = std::move(x.done)](result<std::unique_ptr<io::process>> end) {
    if (end)
      line->started(who, (*end)->identity());
    told(std::move(end));
  };
  line = nullptr;
  launcher->launch(std::move(x.spec), std::move(x.events), std::move(done));
}

} // namespace snakepit
