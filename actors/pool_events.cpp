#include "actors/pool_events.hpp"

namespace snakepit {

using telemetry::event_draft;

namespace {

void put(event_draft& to, const core::call& x) {
  to.text("call", x.id).text("tool", x.group->tool);
}

void put(event_draft& to, const worker_name& x) {
  to.text("slot", x.slot).text("generation", x.generation);
}

void put_with_pid(event_draft& to, const worker_name& x) {
  put(to, x);
  to.text("pid", x.pid);
}

event_kind kind_of(core::pool_standing::change x) {
  using change = core::pool_standing::change;
  switch (x) {
  case change::ready:
    return event_kind::pool_ready;
  case change::start_done:
    return event_kind::pool_start_done;
  case change::start_failed:
    return event_kind::pool_start_failed;
  case change::degraded:
    return event_kind::pool_degraded;
  case change::recovered:
    break;
  }
  return event_kind::pool_recovered;
}

} // namespace

// -- calls ------------------------------------------------------------------------

void pool_events::tell_entered(const core::call& x, size_t queued, bool back) const {
  emit(event_kind::queue_entered, [&](event_draft& to) {
    put(to, x);
    to.number("queued_calls", queued).number("bytes", x.bytes());
    to.text("from", std::string_view{back ? "worker" : "caller"});
  });
}

void pool_events::tell_dispatched(const std::vector<core::call_ptr>& xs,
                                  const core::lane_id& lane) const {
  auto now = now_();
  for (auto& x : xs) {
    tell_left(*x, "worker", now);
    emit(event_kind::call_dispatched, [&](event_draft& to) {
      put(to, *x);
      put(to, {lane.slot, lane.generation});
      to.number("wait_us", now - x->admitted);
    });
  }
}

void pool_events::left(const core::call& x) const {
  if (wanted(event_kind::queue_left))
    tell_left(x, "caller", now_());
}

void pool_events::tell_left(const core::call& x, std::string_view to, core::time_point now) const {
  emit(event_kind::queue_left, [&](event_draft& draft) {
    put(draft, x);
    draft.number("wait_us", now - x.admitted).text("to", to);
  });
}

void pool_events::timed_out(const core::call& x, reason why) const {
  emit(event_kind::queue_timed_out, [&](event_draft& to) {
    put(to, x);
    to.number("wait_us", now_() - x.admitted).text("reason", to_string(why));
  });
}

void pool_events::rejected(const core::call& x, reason why, size_t queued) const {
  emit(event_kind::queue_rejected, [&](event_draft& to) {
    put(to, x);
    to.number("queued_calls", queued).text("reason", to_string(why));
  });
}

void pool_events::tell_finished(const core::call& x, const outcome& end,
                                const call_receipt& took) const {
  if (!end && end.error().python) {
    emit(event_kind::python_exception, [&](event_draft& to) {
      auto& python = *end.error().python;
      put(to, x);
      to.text("type", python.type);
      to.text("function", python.frames.empty() ? std::string_view{}
                                                : std::string_view{python.frames.back().function});
    });
  }
  tell_end(x, end ? "ok" : to_string(end.error().reason), took);
}

void pool_events::failed(const core::call& x, reason why) const {
  if (why != reason::cancelled)
    return tell_end(x, to_string(why), {});
  emit(event_kind::call_cancelled, [&](event_draft& to) {
    put(to, x);
    to.number("total_us", now_() - x.admitted);
  });
}

void pool_events::tell_end(const core::call& x, std::string_view outcome,
                           const call_receipt& took) const {
  emit(event_kind::call_finished, [&](event_draft& to) {
    put(to, x);
    to.number("total_us", now_() - x.admitted).number("queue_us", took.queue);
    to.number("batch_us", took.batch).number("run_us", took.run).number("cpu_us", took.cpu);
    to.number("growth_bytes", took.memory_growth);
    to.number("in_bytes", took.bytes_in).number("out_bytes", took.bytes_out);
    to.text("outcome", outcome);
  });
}

void pool_events::retried(const core::call& x, reason why, duration pause) const {
  emit(event_kind::call_retried, [&](event_draft& to) {
    put(to, x);
    to.number("pause_us", pause).text("reason", to_string(why));
    to.text("attempt", std::to_string(x.attempt + 1));
  });
}

void pool_events::late(const std::string& tool, duration run, const worker_name& worker) const {
  emit(event_kind::call_late_reply, [&](event_draft& to) {
    put(to, worker);
    to.number("run_us", run).text("tool", tool);
  });
}

void pool_events::sent(const core::batch& x, const worker_name& worker) const {
  emit(event_kind::batch_sent, [&](event_draft& to) {
    auto bytes = size_t{0};
    for (auto& item : x.items) {
      bytes += item.data.size();
      if (item.attachments)
        for (auto& data : *item.attachments)
          bytes += data.size();
    }
    put(to, worker);
    to.number("calls", x.items.size()).number("bytes", bytes);
  });
}

// -- the pool -----------------------------------------------------------------------

void pool_events::start_begun(size_t workers) const {
  emit(event_kind::pool_start_begun, [&](event_draft& to) { to.number("workers", workers); });
}

void pool_events::standing(const core::pool_standing::news& x, size_t ready, size_t failures,
                           reason last, std::string_view because) const {
  emit(kind_of(x.what), [&](event_draft& to) {
    using change = core::pool_standing::change;
    if (x.what == change::start_failed) {
      to.number("failures", failures).text("reason", to_string(last));
      return;
    }
    to.number("workers", ready);
    if (x.what == change::degraded)
      to.text("because", because);
    else
      to.number(x.what == change::recovered ? "degraded_us" : "took_us", x.after);
  });
}

void pool_events::saturated(const core::call_queue& queue) const {
  emit(event_kind::pool_saturated, [&](event_draft& to) {
    to.number("queued_calls", queue.size()).number("queued_bytes", queue.bytes());
  });
}

void pool_events::drained(duration took, size_t calls) const {
  emit(event_kind::pool_drained,
       [&](event_draft& to) { to.number("took_us", took).number("calls", calls); });
}

void pool_events::bound(const std::string& session, const core::worker_id& to, bool moved) const {
  emit(event_kind::session_bound, [&](event_draft& draft) {
    put(draft, {to.slot, to.generation});
    draft.text("session", session).text("from", std::string_view{moved ? "moved" : "new"});
  });
}

// -- workers ------------------------------------------------------------------------

void pool_events::spawned(const worker_name& worker, duration took, bool forked) const {
  emit(event_kind::worker_spawned, [&](event_draft& to) {
    put(to, worker);
    to.text("pid", worker.pid).text("mode", std::string_view{forked ? "template" : "exec"});
    to.number("took_us", took);
  });
}

void pool_events::ready(const worker_name& worker, duration took, size_t tools) const {
  emit(event_kind::worker_ready, [&](event_draft& to) {
    put(to, worker);
    to.text("pid", worker.pid).number("took_us", took).number("tools", tools);
  });
}

void pool_events::restarted(const worker_name& worker, duration down) const {
  emit(event_kind::worker_restarted, [&](event_draft& to) {
    put(to, worker);
    to.number("down_us", down);
  });
}

void pool_events::recycled(const worker_name& worker, duration age, uint64_t calls,
                           std::string_view why) const {
  emit(event_kind::worker_recycled, [&](event_draft& to) {
    put(to, worker);
    to.number("age_us", age).number("calls", calls).text("reason", why);
  });
}

void pool_events::scaled(size_t before, size_t workers, std::string_view because) const {
  emit(event_kind::pool_scaled, [&](event_draft& to) {
    to.number("workers", workers).number("before_workers", before).text("because", because);
  });
}

void pool_events::reload_begun(uint32_t revision) const {
  emit(event_kind::reload_begun,
       [&](event_draft& to) { to.text("revision", std::to_string(revision)); });
}

void pool_events::reload_done(uint32_t revision, duration took, size_t workers) const {
  emit(event_kind::reload_done, [&](event_draft& to) {
    to.number("took_us", took)
      .number("workers", workers)
      .text("revision", std::to_string(revision));
  });
}

void pool_events::reload_rolled_back(uint32_t revision, duration took, reason why) const {
  emit(event_kind::reload_rolled_back, [&](event_draft& to) {
    to.number("took_us", took)
      .text("revision", std::to_string(revision))
      .text("reason", to_string(why));
  });
}

void pool_events::start_failed(const worker_name& worker, reason why, size_t failures) const {
  emit(event_kind::worker_start_failed, [&](event_draft& to) {
    put(to, worker);
    to.number("failures", failures).text("reason", to_string(why));
  });
}

void pool_events::worker_draining(const worker_name& worker, duration grace) const {
  emit(event_kind::worker_draining, [&](event_draft& to) {
    put(to, worker);
    to.text("pid", worker.pid).number("grace_us", grace);
  });
}

void pool_events::exited(const death_certificate& x) const {
  emit(event_kind::worker_exited, [&](event_draft& to) {
    put(to, {x.slot, x.generation});
    to.text("pid", x.pid).text("cause", x.cause).text("tool", x.running_tool);
    to.number("age_us", x.age).number("calls", x.calls_done);
  });
}

void pool_events::tainted(uint32_t slot, duration how_long, std::string_view because) const {
  emit(event_kind::worker_tainted, [&](event_draft& to) {
    to.number("taint_us", how_long).text("slot", slot).text("because", because);
  });
}

// -- circuits -----------------------------------------------------------------------

void pool_events::circuit_opened(const std::string& tool, size_t failures, duration reset) const {
  emit(event_kind::circuit_opened, [&](event_draft& to) {
    to.number("failures", failures).number("reset_us", reset).text("tool", tool);
  });
}

void pool_events::circuit_half_opened(const std::string& tool) const {
  emit(event_kind::circuit_half_opened, [&](event_draft& to) { to.text("tool", tool); });
}

void pool_events::circuit_closed(const std::string& tool, duration open_for) const {
  emit(event_kind::circuit_closed,
       [&](event_draft& to) { to.number("open_us", open_for).text("tool", tool); });
}

// -- their health -------------------------------------------------------------------

void pool_events::health_failed(const worker_name& worker, uint32_t lane, duration waited) const {
  emit(event_kind::worker_health_failed, [&](event_draft& to) {
    put_with_pid(to, worker);
    to.text("lane", lane).number("waited_us", waited);
  });
}

// -- heartbeats ---------------------------------------------------------------------

void pool_events::heartbeat_sent(const worker_name& worker) const {
  emit(event_kind::heartbeat_sent, [&](event_draft& to) { put_with_pid(to, worker); });
}

void pool_events::heartbeat_answered(const worker_name& worker, duration lag) const {
  emit(event_kind::heartbeat_answered, [&](event_draft& to) {
    put_with_pid(to, worker);
    to.number("lag_us", lag);
  });
}

void pool_events::heartbeat_missed(const worker_name& worker, const silence& x) const {
  emit(event_kind::heartbeat_missed, [&](event_draft& to) {
    put_with_pid(to, worker);
    to.number("misses", x.misses).number("silent_us", x.silent).text("because", x.because);
  });
}

void pool_events::gil_held(const worker_name& worker, const silence& x) const {
  emit(event_kind::heartbeat_gil_held, [&](event_draft& to) {
    put_with_pid(to, worker);
    to.number("silent_us", x.silent).text("tool", x.tool);
  });
}

void pool_events::heartbeat_recovered(const worker_name& worker) const {
  emit(event_kind::heartbeat_recovered, [&](event_draft& to) { put_with_pid(to, worker); });
}

void pool_events::heartbeat_failed(const worker_name& worker, const silence& x) const {
  emit(event_kind::heartbeat_failed, [&](event_draft& to) {
    put_with_pid(to, worker);
    to.number("misses", x.misses).number("silent_us", x.silent).text("because", x.because);
  });
}

} // namespace snakepit
