#pragma once

#include <snakepit/runtime.hpp>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/error.hpp>
#include <caf/replies_to.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

/// First type id of ours. An embedder's own ids start at caf::first_custom_type_id; if that block
/// is larger than 1000 types, define this before including, the same in every unit.
#ifndef SNAKEPIT_FIRST_TYPE_ID
#define SNAKEPIT_FIRST_TYPE_ID (caf::first_custom_type_id + 1000)
#endif

namespace snakepit {

/// Asks a POOL to run a tool.
struct request {
  std::string tool;
  /// JSON text of the arguments object, or raw bytes.
  std::string args{};
  /// What `{"$": ["bytes", k]}` in `args` refers to.
  std::vector<std::string> attachments{};
  bool raw = false;
  /// Budget of the call; 0: the pool's.
  duration timeout{0};
  /// Bound on waiting in the queue; 0: the pool's.
  duration queue_timeout{0};
  std::string session{};
  std::string correlation_id{};
  std::string traceparent{};
  snakepit::priority priority = snakepit::priority::normal;
  std::string tenant{};
  /// Running it twice does no harm, whatever the tool says.
  bool idempotent = false;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, request& x) {
    return f(x.tool, x.args, x.attachments, x.raw, x.timeout, x.queue_timeout, x.session,
             x.correlation_id, x.traceparent, x.priority, x.tenant, x.idempotent);
  }
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, call_receipt& x) {
  return f(x.queue, x.batch, x.run, x.cpu, x.cpu_calls, x.has_memory, x.memory_growth, x.bytes_in,
           x.bytes_out, x.attempt, x.slot, x.generation);
}

/// What the tool returned: see `payload`.
struct response {
  std::string text{};
  std::vector<std::string> attachments{};
  bool raw = false;
  /// What the call took.
  call_receipt receipt{};

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, response& x) {
    return f(x.text, x.attachments, x.raw, x.receipt);
  }
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, event& x) {
  return f(x.kind, x.time, x.pool, x.measurements, x.metadata);
}

using detail_map = std::map<std::string, std::string>;

} // namespace snakepit

CAF_BEGIN_TYPE_ID_BLOCK(snakepit, SNAKEPIT_FIRST_TYPE_ID + 100)

CAF_ADD_TYPE_ID(snakepit, (snakepit::request))
CAF_ADD_TYPE_ID(snakepit, (snakepit::response))
CAF_ADD_TYPE_ID(snakepit, (snakepit::detail_map))
CAF_ADD_TYPE_ID(snakepit, (snakepit::event))

CAF_END_TYPE_ID_BLOCK(snakepit)

namespace snakepit {

/// The POOL actor as anybody may talk to it. A request is answered exactly once, with a response or
/// with an error of category "snakepit" (see `from_caf`), also if the worker, the pool or the whole
/// runtime ends meanwhile; no timeout of the requester's own is needed beyond the call's.
using pool_interface = caf::typed_actor<caf::replies_to<request>::with<response>>;

/// What an actor system must know before a runtime can live in it. Call it on the config before the
/// system is made; `scheduler.policy` should be `caf::atom("sharing")`: under CAF's default,
/// `stealing`, a call takes about twice as long, of which a runtime warns.
void prepare(caf::actor_system_config& cfg);

/// Starts a runtime inside the embedder's actor system, which must outlive it.
/// Errors as `runtime::start`; invalid_config if `prepare` was not called.
result<runtime> start_in(caf::actor_system& system, config cfg);

/// The actor of a pool. If a fault of ours ends it, its supervisor starts another one: monitor it
/// and ask again. pool_not_found with the known names if there is none.
result<pool_interface> pool_actor_of(runtime& from, const std::string& pool = {});

/// Sends `who` a message `event` for each that the filter lets through and that happens from now
/// on, until it or the runtime ends. These are requests, so that it is known how many `who` has not
/// handled yet: at most `backlog`, beyond that they are dropped. What it answers does not matter.
/// Errors as `runtime::subscribe`; invalid_config if `prepare` was not called for its system.
result<void> subscribe(runtime& from, const caf::actor& who, const event_filter& filter = {},
                       size_t backlog = event_backlog);

/// The error in CAF's form and back. Python frames, cause, certificate
/// and receipt do not travel; the JSON
/// text of the whole error stands in the context, where `from_caf` leaves it as the detail "json".
caf::error to_caf(const error& x);
error from_caf(const caf::error& x);

} // namespace snakepit
