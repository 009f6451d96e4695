#include "tests/support/pool_fixture.hpp"

#include "actors/lifecycle_manager.hpp"

namespace snakepit {

namespace {

class end_target : public core::reply_target {
public:
  explicit end_target(pool_fixture::end& x) : end_{x} {}
  void answer(uint64_t, outcome x) noexcept override {
    ++end_.answers;
    end_.last = std::move(x);
  }

private:
  pool_fixture::end& end_;
};

class ledger_receiver : public telemetry::event_hub::receiver {
public:
  explicit ledger_receiver(test::event_ledger& to) : to_{to} {}
  void offer(const telemetry::event_ptr& x) noexcept override {
    to_.take(*x);
  }

private:
  test::event_ledger& to_;
};

} // namespace

std::shared_ptr<telemetry::log> pool_fixture::quiet_log() {
  auto quiet = log_config{};
  quiet.level = "off";
  return telemetry::log::open(quiet).value();
}

void pool_fixture::listen() {
  events->add(std::make_shared<ledger_receiver>(ledger),
              telemetry::mask_of(event_filter{}).value());
}

worker_spec_ptr pool_fixture::make_spec(uint32_t revision) {
  auto spec = std::make_shared<worker_spec>();
  spec->revision = revision;
  spec->again = [this](uint32_t next) { return make_spec(next); };
  if (revision > 1)
    spec->origin = std::make_shared<io::launch_spec>();
  spec->make = [this, origin = spec->origin](uint32_t slot,
                                             uint32_t generation) -> result<worker_config> {
    auto x = worker_config{};
    x.launch.label = "p/" + std::to_string(slot) + "." + std::to_string(generation);
    x.launch.origin = origin;
    x.launch.lanes = x.hello.lanes = lanes;
    x.hello.on_loop = on_loop;
    x.hello.pool = "p";
    x.hello.slot = slot;
    x.hello.generation = generation;
    x.hello.payload_bytes = 1 << 20;
    x.start_timeout = cfg.start.timeout;
    x.cancel_grace = cancel_grace;
    x.drain = drain;
    x.stop_grace = stop_grace;
    x.heartbeat = cfg.heartbeat;
    x.health_interval = cfg.health_interval;
    x.tells_ends = cfg.breaker.enabled;
    return x;
  };
  return spec;
}

size_t pool_fixture::reload(bool run_now, spec_maker make) {
  auto place = reloads.size();
  reloads.emplace_back();
  auto done = [this, place](result<reload_report> x) { reloads.at(place) = std::move(x); };
  caf::anon_send(caf::actor_cast<lifecycle_actor>(entry->lifecycle()),
                 make_local(reload_order{std::move(make), std::move(done)}));
  if (run_now)
    run();
  return place;
}

void pool_fixture::start() {
  auto plan = pool_plan{};
  if (on_loop)
    cfg.profile = "async";
  plan.settings.config = cfg;
  plan.settings.workers = *cfg.workers;
  plan.settings.lanes = lanes;
  plan.settings.spec = make_spec(1);
  plan.world.entry = entry;
  plan.world.make_channel = [this](io::channel_events x) {
    return world.make_channel(std::move(x));
  };
  plan.world.barrier = [this] { return barrier(); };
  plan.world.measure = [](const std::vector<int64_t>&) { return resource_usage{}; };
  plan.world.log = log;
  plan.world.metrics = telemetry::metrics{}.add_pool("p");
  plan.world.events = events;
  plan.launcher = world.launcher();
  plan.registry = registry.entry;
  plan.meter = meter;
  registry.log = log;
  registry.events = events;
  root = sys.spawn(supervisor, root_tree({plan}, plan.world.log, registry));
  run();
}

void pool_fixture::start_ready() {
  start();
  for (size_t i = 0; i < *cfg.workers; ++i)
    bring_up(worker(i));
}

void pool_fixture::bring_up(scripted_worker& x) {
  x.spawn();
  run();
  x.bind();
  run();
  x.greet();
  run();
  x.serve_all();
  run();
}

std::shared_ptr<const death_certificate> pool_fixture::last_death() const {
  auto all = entry->deaths().latest(1);
  REQUIRE(all.size() == 1);
  return all[0].certificate;
}

void pool_fixture::leave(scripted_worker& x) {
  REQUIRE(x.shutdown_came);
  x.exit(0);
  tell_end(x);
}

void pool_fixture::crash(scripted_worker& x, int signal) {
  x.die(signal);
  tell_end(x);
}

void pool_fixture::tell_end(scripted_worker& x) {
  while (!x.lane_closed_told())
    x.tell_lane_closed();
  x.tell_exit();
  run();
}

size_t pool_fixture::submit(const std::string& data, duration timeout, duration queue_timeout,
                            const std::string& tool) {
  return submit_all({data}, timeout, queue_timeout, tool).front();
}

std::vector<size_t> pool_fixture::submit_all(std::vector<std::string> data, duration timeout,
                                             duration queue_timeout, const std::string& tool,
                                             bool run_now) {
  auto group = std::make_shared<core::call_group>(core::call_group{tool, options});
  auto message = std::make_shared<core::submission>();
  auto result = std::vector<size_t>{};
  for (auto& x : data) {
    auto& end = *ends.emplace_back(std::make_unique<pool_fixture::end>());
    end.ticket = std::make_shared<core::call_ticket>();
    auto call = std::make_unique<core::call>();
    call->id = ends.size();
    call->group = group;
    call->data = "{\"n\":\"" + x + "\"}";
    auto now = sched.clock().now();
    call->admitted = now;
    call->deadline = core::later(now, timeout);
    call->queue_deadline = std::min(call->deadline, core::later(now, queue_timeout));
    call->slot = core::reply_slot{std::make_shared<end_target>(end), 0};
    call->ticket = end.ticket;
    message->calls.push_back(std::move(call));
    result.push_back(ends.size() - 1);
  }
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                 local<core::submission>{std::move(message)});
  if (run_now)
    run();
  return result;
}

void pool_fixture::cancel(size_t call) {
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                 make_local(cancel_order{ends[call]->ticket}));
  run();
}

std::string pool_fixture::text(size_t call) const {
  REQUIRE(answered(call));
  REQUIRE_MESSAGE(ends[call]->last->has_value(), to_string(ends[call]->last->error()));
  return (*ends[call]->last)->text();
}

const error& pool_fixture::failure(size_t call) const {
  REQUIRE(answered(call));
  REQUIRE(!ends[call]->last->has_value());
  return ends[call]->last->error();
}

pool_stats pool_fixture::stats() {
  auto result = std::optional<pool_stats>{};
  caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()),
                 make_local(stats_query{[&](pool_stats x) { result = std::move(x); }}));
  run();
  REQUIRE(result);
  return *result;
}

} // namespace snakepit
