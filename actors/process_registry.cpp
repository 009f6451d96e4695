#include "actors/process_registry.hpp"

namespace snakepit {

using namespace std::chrono_literals;

process_registry_actor::behavior_type
process_registry(process_registry_actor::stateful_pointer<process_registry_state> self,
                 registry_world world) {
  auto& st = self->state;
  st.world = std::move(world);
  st.events = {st.world.events, {}};
  st.flush(); // opens it before the first worker needs it
  return {
    [&st](local<reservation>& x) { return st.on_reservation(*x); },
    [&st](local<process_started>& x) { st.on_started(*x); },
    [&st](local<process_ended>& x) { st.on_ended(*x); },
    [&st](local<ledger_written>& x) { st.on_written(*x); },
    [&st](atom::tick) { st.on_tick(); },
  };
}

// -- message handlers ---------------------------------------------------------

caf::result<uint64_t> process_registry_state::on_reservation(const reservation& x) {
  auto id = world.entry->next_id();
  auto entry = core::reserved_entry{id, x.who};
  note(entry.row());
  live.emplace(id, std::move(entry));
  if (degraded)
    return id;
  auto promise = self->make_response_promise<uint64_t>();
  next.push_back({id, promise});
  flush();
  return promise;
}

void process_registry_state::on_started(process_started& x) {
  auto i = live.find(x.id);
  // Unknown: it was reserved with a registry before this one.
  auto* reserved = i == live.end() ? nullptr : std::get_if<core::reserved_entry>(&i->second);
  if (i != live.end() && !reserved)
    return; // it was told twice
  auto entry = reserved ? std::move(*reserved) : core::reserved_entry{x.id, x.who};
  auto active = std::move(entry).activate(std::move(x.process));
  note(active.row());
  live.insert_or_assign(x.id, std::move(active));
  flush();
}

void process_registry_state::on_ended(const process_ended& x) {
  auto i = live.find(x.id);
  auto end = [](auto&& entry) {
    if constexpr (std::is_same_v<std::decay_t<decltype(entry)>, core::active_entry>)
      return std::move(entry).end();
    else
      return std::move(entry).abandon();
  };
  if (i == live.end()) {
    note(core::reserved_entry{x.id, {}}.abandon().row());
  } else {
    note(std::visit(end, std::move(i->second)).row());
    live.erase(i);
    // What was never written need not be: a degraded ledger must not make this grow.
    if (durable.erase(x.id) == 0 && !written.contains(x.id))
      changed.erase(x.id);
  }
  flush();
}

void process_registry_state::on_written(const ledger_written& x) {
  if (!out || x.number != number)
    return; // it was told twice
  out = false;
  due = core::never;
  if (!x.end) {
    // What has changed since is newer.
    changed.merge(std::exchange(written, {}));
    answer();
    degrade(to_string(x.end.error()));
    return arm(retry_at);
  }
  for (auto& [id, row] : std::exchange(written, {}))
    if (live.contains(id))
      durable.insert(id);
  answer();
  if (degraded && late) {
    retry_at = now(); // the next one shows whether it is fast again
  } else if (degraded) {
    recover();
  }
  late = false;
  flush();
}

void process_registry_state::on_tick() {
  if (now() < armed)
    return; // an earlier one was armed meanwhile
  armed = core::never;
  if (out && !late && now() >= due) {
    late = true;
    degrade("a write takes longer than " + std::to_string(registry_patience.count()) + " ms");
    answer();
  }
  flush();
  if (out && !late)
    arm(due);
  else if (degraded && !out)
    arm(retry_at);
}

// -- helpers --------------------------------------------------------------------

void process_registry_state::note(const core::ledger_row& x) {
  changed.insert_or_assign(x.id, x);
}

void process_registry_state::flush() {
  auto is_first = number == 0;
  if (out || (degraded && now() < retry_at) || (changed.empty() && !is_first && !degraded))
    return;
  // The file may have been made anew since.
  if (degraded)
    for (auto& [id, entry] : live)
      note(std::visit([](auto& x) { return x.row(); }, entry));
  written = std::exchange(changed, {});
  riding = std::exchange(next, {});
  auto rows = std::vector<core::ledger_row>{};
  for (auto& [id, row] : written)
    rows.push_back(row);
  out = true;
  ++number;
  due = now() + registry_patience;
  arm(due);
  auto to = process_registry_actor{self};
  world.ledger->write(std::move(rows), [to, it = number](result<void> end) {
    caf::anon_send(to, make_local(ledger_written{it, std::move(end)}));
  });
}

void process_registry_state::answer() {
  for (auto& x : std::exchange(riding, {}))
    x.promise.deliver(x.id);
}

void process_registry_state::degrade(const std::string& why) {
  retry_at = now() + registry_pause;
  if (degraded)
    return;
  degraded = true;
  degraded_since = now();
  world.entry->set_trouble(why);
  world.log->write(telemetry::level::error, "registry",
                   "the ledger of processes is degraded; workers are started without it",
                   {{"because", why}});
  events.emit(event_kind::ledger_degraded, [&](auto& to) { to.text("because", why); });
  // Nobody waits for a ledger that is left alone.
  for (auto& x : std::exchange(next, {}))
    x.promise.deliver(x.id);
}

void process_registry_state::recover() {
  degraded = false;
  retry_at = core::never;
  world.entry->set_trouble({});
  world.log->write(telemetry::level::warning, "registry",
                   "the ledger of processes is written again");
  events.emit(event_kind::ledger_recovered,
              [&](auto& to) { to.number("degraded_us", duration{now() - degraded_since}); });
}

void process_registry_state::arm(core::time_point at) {
  if (at >= armed)
    return;
  armed = at;
  auto time = now();
  self->delayed_send(self, at > time ? at - time : 0ns, atom::tick_v);
}

} // namespace snakepit
