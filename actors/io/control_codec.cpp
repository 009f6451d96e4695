#include "actors/io/control_codec.hpp"

#include "snakepit.pb.h"

#include <snakepit/config.hpp>

namespace snakepit::io {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

/// 0 stands for infinite; what is shorter than a microsecond is one.
uint64_t budget(std::chrono::nanoseconds x) {
  if (x == infinite)
    return 0;
  return static_cast<uint64_t>(std::max<int64_t>(duration_cast<microseconds>(x).count(), 1));
}

std::chrono::nanoseconds budget(uint64_t us) {
  constexpr auto most = static_cast<uint64_t>(duration_cast<microseconds>(infinite).count());
  if (us == 0 || us >= most)
    return infinite;
  return microseconds{us};
}

v1::Priority encode(priority x) {
  return x == priority::high  ? v1::PRIORITY_HIGH
         : x == priority::low ? v1::PRIORITY_LOW
                              : v1::PRIORITY_NORMAL;
}

uint64_t whole_us(duration x) {
  return static_cast<uint64_t>(std::max<int64_t>(duration_cast<microseconds>(x).count(), 0));
}

duration from_us(uint64_t us) {
  constexpr auto most = static_cast<uint64_t>(duration_cast<microseconds>(infinite).count());
  return microseconds{static_cast<int64_t>(std::min(us, most))};
}

void encode(v1::Latency& to, const latency_stats& x) {
  to.set_calls(x.calls);
  to.set_p50_us(whole_us(x.p50));
  to.set_p90_us(whole_us(x.p90));
  to.set_p99_us(whole_us(x.p99));
}

latency_stats decode(const v1::Latency& x) {
  return {x.calls(), from_us(x.p50_us()), from_us(x.p90_us()), from_us(x.p99_us())};
}

v1::Affinity encode(affinity x) {
  return x == affinity::hint           ? v1::AFFINITY_HINT
         : x == affinity::strict_queue ? v1::AFFINITY_STRICT_QUEUE
                                       : v1::AFFINITY_STRICT_FAIL_FAST;
}

result<std::optional<affinity>> decode(v1::Affinity x) {
  switch (x) {
  case v1::AFFINITY_UNSPECIFIED:
    return std::nullopt;
  case v1::AFFINITY_HINT:
    return affinity::hint;
  case v1::AFFINITY_STRICT_QUEUE:
    return affinity::strict_queue;
  case v1::AFFINITY_STRICT_FAIL_FAST:
    return affinity::strict_fail_fast;
  default:
    return fail(reason::invalid_argument,
                "there is no affinity " + std::to_string(static_cast<int>(x)));
  }
}

template <class Counts>
std::map<std::string, uint64_t> decode_counts(const Counts& x) {
  return {x.begin(), x.end()};
}

} // namespace

void encode(v1::CallRequest& to, const control_call& x) {
  auto& options = x.options;
  to.set_pool(as_utf8(options.pool));
  to.set_tool(as_utf8(x.tool));
  if (auto* raw = std::get_if<raw_bytes>(&x.arguments))
    to.set_raw(raw->data);
  else
    to.set_json(std::get<json_text>(x.arguments).text);
  if (options.timeout)
    to.set_timeout_us(budget(*options.timeout));
  if (options.queue_timeout)
    to.set_queue_timeout_us(budget(*options.queue_timeout));
  to.set_priority(encode(options.priority));
  to.set_tenant(as_utf8(options.tenant));
  to.set_session(as_utf8(options.session));
  if (options.affinity)
    to.set_affinity(encode(*options.affinity));
  to.set_correlation_id(as_utf8(options.correlation_id));
  to.set_traceparent(as_utf8(options.traceparent));
}

result<control_call> decode(const v1::CallRequest& x) {
  auto out = control_call{};
  out.tool = x.tool();
  if (x.has_raw())
    out.arguments = raw_bytes{x.raw()};
  else if (x.has_json())
    out.arguments = json_text{x.json()};
  else
    return fail(reason::invalid_argument, "the call has no arguments: `{}` are none");
  auto& options = out.options;
  options.pool = x.pool();
  if (x.has_timeout_us())
    options.timeout = budget(x.timeout_us());
  if (x.has_queue_timeout_us())
    options.queue_timeout = budget(x.queue_timeout_us());
  if (!v1::Priority_IsValid(x.priority()))
    return fail(reason::invalid_argument,
                "there is no priority " + std::to_string(static_cast<int>(x.priority())));
  if (x.priority() == v1::PRIORITY_HIGH)
    options.priority = priority::high;
  else if (x.priority() == v1::PRIORITY_LOW)
    options.priority = priority::low;
  options.tenant = x.tenant();
  options.session = x.session();
  auto mode = decode(x.affinity());
  if (!mode)
    return tl::unexpected{std::move(mode.error())};
  options.affinity = *mode;
  options.correlation_id = x.correlation_id();
  options.traceparent = x.traceparent();
  return out;
}

void encode(v1::CallReply& to, const outcome& x) {
  if (!x) {
    if (x.error().receipt)
      encode(*to.mutable_receipt(), *x.error().receipt);
    return encode(*to.mutable_error(), x.error());
  }
  encode(*to.mutable_receipt(), x->receipt());
  if (x->is_raw())
    return to.set_raw(x->text());
  if (auto json = x->to_json())
    to.set_json(std::move(*json));
  else
    encode(*to.mutable_error(), json.error());
}

void encode(v1::StatusReply& to, const control_status& x) {
  to.set_version(x.version);
  to.set_instance(as_utf8(x.instance));
  to.set_instance_id(as_utf8(x.instance_id));
  to.set_run_id(x.run_id);
  to.set_pid(x.pid);
  to.set_uptime_us(static_cast<uint64_t>(x.uptime.count()));
  to.set_admin_address(x.admin_address);
  for (auto& pool : x.pools)
    encode(*to.add_pools(), pool);
}

control_status decode(const v1::StatusReply& x) {
  auto out = control_status{};
  out.version = x.version();
  out.instance = x.instance();
  out.instance_id = x.instance_id();
  out.run_id = x.run_id();
  out.pid = x.pid();
  out.uptime = microseconds{x.uptime_us()};
  out.admin_address = x.admin_address();
  for (auto& pool : x.pools())
    out.pools.push_back(decode(pool));
  return out;
}

void encode(v1::PoolStatus& to, const pool_stats& x) {
  to.set_name(as_utf8(x.name));
  to.set_state(x.state);
  to.set_workers_target(x.workers_target);
  to.set_workers_ready(x.workers_ready);
  to.set_workers_unwell(x.workers_unwell);
  to.set_workers_starting(x.workers_starting);
  to.set_workers_waiting(x.workers_waiting);
  to.set_lanes(x.lanes);
  to.set_busy(x.busy);
  to.set_queued(x.queued);
  to.set_queued_bytes(x.queued_bytes);
  to.set_in_flight(x.in_flight);
  to.set_calls_admitted(x.calls_admitted);
  to.set_calls_succeeded(x.calls_succeeded);
  to.set_calls_failed(x.calls_failed);
  to.set_calls_retried(x.calls_retried);
  to.set_late_replies(x.late_replies);
  to.mutable_rejected()->insert(x.rejected.begin(), x.rejected.end());
  to.mutable_errors()->insert(x.errors.begin(), x.errors.end());
  to.set_worker_starts(x.worker_starts);
  to.set_worker_start_failures(x.worker_start_failures);
  to.set_worker_exits(x.worker_exits);
  for (auto& worker : x.workers) {
    auto& one = *to.add_workers();
    one.set_slot(worker.slot);
    one.set_generation(worker.generation);
    one.set_revision(worker.revision);
    one.set_pid(worker.pid);
    one.set_state(worker.state);
    one.set_in_flight(worker.in_flight);
    one.set_calls(worker.calls);
    one.set_age_us(duration_cast<microseconds>(worker.age).count());
    one.set_memory_bytes(worker.memory_bytes);
    one.set_tainted(worker.tainted);
    one.set_memory_growth(worker.memory_growth);
  }
  to.set_degraded_by(x.degraded_by);
  to.set_revision(x.revision);
  to.mutable_errors_by_category()->insert(x.errors_by_category.begin(), x.errors_by_category.end());
  to.set_timeouts(x.timeouts);
  encode(*to.mutable_queue_wait(), x.queue_wait);
  encode(*to.mutable_total(), x.total);
  for (auto& circuit : x.circuits) {
    auto& one = *to.add_circuits();
    one.set_tool(as_utf8(circuit.tool));
    one.set_state(circuit.state);
    one.set_failures(circuit.failures);
    one.set_left_us(whole_us(circuit.left));
  }
}

pool_stats decode(const v1::PoolStatus& x) {
  auto out = pool_stats{};
  out.name = x.name();
  out.state = x.state();
  out.workers_target = x.workers_target();
  out.workers_ready = x.workers_ready();
  out.workers_unwell = x.workers_unwell();
  out.workers_starting = x.workers_starting();
  out.workers_waiting = x.workers_waiting();
  out.lanes = x.lanes();
  out.busy = x.busy();
  out.queued = x.queued();
  out.queued_bytes = x.queued_bytes();
  out.in_flight = x.in_flight();
  out.calls_admitted = x.calls_admitted();
  out.calls_succeeded = x.calls_succeeded();
  out.calls_failed = x.calls_failed();
  out.calls_retried = x.calls_retried();
  out.late_replies = x.late_replies();
  out.rejected = decode_counts(x.rejected());
  out.errors = decode_counts(x.errors());
  out.worker_starts = x.worker_starts();
  out.worker_start_failures = x.worker_start_failures();
  out.worker_exits = x.worker_exits();
  for (auto& worker : x.workers()) {
    out.workers.push_back({worker.slot(), worker.generation(), worker.revision(), worker.pid(),
                           worker.state(), static_cast<size_t>(worker.in_flight()), worker.calls(),
                           microseconds{worker.age_us()}, worker.memory_bytes(), worker.tainted(),
                           worker.memory_growth()});
  }
  out.degraded_by = x.degraded_by();
  out.revision = x.revision();
  out.errors_by_category = decode_counts(x.errors_by_category());
  out.timeouts = x.timeouts();
  out.queue_wait = decode(x.queue_wait());
  out.total = decode(x.total());
  for (auto& one : x.circuits())
    out.circuits.push_back(
      {one.tool(), one.state(), static_cast<size_t>(one.failures()), from_us(one.left_us())});
  return out;
}

void encode(v1::Death& to, const recorded_death& x) {
  to.set_at_us(duration_cast<microseconds>(x.at.time_since_epoch()).count());
  encode(*to.mutable_certificate(), *x.certificate);
}

recorded_death decode(const v1::Death& x) {
  auto since = duration_cast<std::chrono::system_clock::duration>(microseconds{x.at_us()});
  return {std::chrono::system_clock::time_point{since},
          std::make_shared<death_certificate>(decode(x.certificate()))};
}

void encode(v1::ReloadReply& to, const reload_summary& x) {
  for (auto& pool : x.pools) {
    auto& one = *to.add_pools();
    one.set_pool(as_utf8(pool.pool));
    one.set_revision(pool.revision);
    one.set_replaced(pool.replaced);
    one.set_took_us(whole_us(pool.took));
    if (pool.failure)
      encode(*one.mutable_failure(), *pool.failure);
  }
  for (auto& key : x.needs_restart)
    to.add_needs_restart(as_utf8(key));
}

reload_summary decode(const v1::ReloadReply& x) {
  auto out = reload_summary{};
  for (auto& one : x.pools()) {
    auto& pool = out.pools.emplace_back();
    pool.pool = one.pool();
    pool.revision = one.revision();
    pool.replaced = static_cast<size_t>(one.replaced());
    pool.took = from_us(one.took_us());
    if (one.has_failure())
      pool.failure = decode(one.failure());
  }
  for (auto& key : x.needs_restart())
    out.needs_restart.push_back(key);
  return out;
}

void encode(v1::PoisonedCall& to, const poisoned_call& x) {
  auto us = [](auto time) { return std::chrono::microseconds{time}.count(); };
  to.set_pool(as_utf8(x.pool));
  to.set_tool(as_utf8(x.tool));
  to.set_cause(as_utf8(x.cause));
  to.set_deaths(x.deaths);
  to.set_since_us(static_cast<uint64_t>(us(x.since)));
  to.set_left_us(static_cast<uint64_t>(us(x.left)));
}

poisoned_call decode(const v1::PoisonedCall& x) {
  auto time = [](uint64_t us) {
    return std::chrono::milliseconds{static_cast<int64_t>(us / 1000)};
  };
  return {x.pool(), x.tool(), x.cause(), x.deaths(), time(x.since_us()), time(x.left_us())};
}

void encode(v1::Tool& to, const tool_description& x) {
  to.set_name(as_utf8(x.name));
  to.set_description(as_utf8(x.description));
  to.set_schema(as_utf8(x.schema));
  to.set_raw(x.raw);
  to.set_idempotent(x.idempotent);
  to.set_batch_size(x.batch_size);
  to.set_batch_delay_us(static_cast<uint64_t>(x.batch_delay / std::chrono::microseconds{1}));
}

tool_description decode(const v1::Tool& x) {
  return {x.name(),
          x.description(),
          x.schema(),
          x.raw(),
          x.idempotent(),
          x.batch_size(),
          std::chrono::microseconds{static_cast<int64_t>(x.batch_delay_us())}};
}

} // namespace snakepit::io
