#include "actors/runtime_implementation.hpp"

#include "actors/caf_reply.hpp"
#include "actors/core/codec.hpp"
#include "actors/core/listen_address.hpp"
#include "actors/io/bridge_path.hpp"
#include "actors/io/grpc_threads.hpp"
#include "actors/io/host_environment.hpp"
#include "actors/io/host_resources.hpp"
#include "actors/io/random_bytes.hpp"
#include "actors/io/template_launcher.hpp"
#include "actors/io/thread_reserve.hpp"
#include "actors/settings.hpp"
#include "actors/supervisor.hpp"
#include "actors/tree.hpp"

#include <caf/defaults.hpp>

#include <snakepit/json.hpp>

#include <algorithm>
#include <future>
#include <thread>

namespace snakepit {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

namespace {

constexpr size_t token_bytes = 32;
/// What a runtime needs besides an actor system: gRPC's, those of launchers, of the ledger and of
/// the memory meter, and some to spare.
constexpr size_t threads_at_start = 10;
/// How long the admin server waits for a pool's statistics.
constexpr auto admin_patience = 1s;

/// A promise that may be dropped: then the future says so instead of throwing.
template <class T>
std::optional<T> take(std::future<T>& x, clock::time_point until) {
  if (until == clock::time_point::max())
    x.wait();
  else if (x.wait_until(until) != std::future_status::ready)
    return std::nullopt;
  try {
    return x.get();
  } catch (const std::future_error&) {
    return std::nullopt;
  }
}

/// The wire form of a call's arguments.
result<void> encode(arguments& args, core::call& into) {
  if (auto* raw = std::get_if<raw_bytes>(&args)) {
    into.kind = core::payload_kind::raw;
    into.data = std::move(raw->data);
    return {};
  }
  if (auto* text = std::get_if<json_text>(&args)) {
    // Only a key "$" can mean something else on the wire than in text for people.
    if (text->text.find("\"$\"") == std::string::npos
        && text->text.find("\\u0024") == std::string::npos) {
      into.data = std::move(text->text);
      return {};
    }
    auto parsed = parse_json(text->text);
    if (!parsed)
      return tl::unexpected{std::move(parsed.error())};
    args = std::move(*parsed);
  }
  auto encoded = core::encode(std::get<value>(args));
  if (!encoded)
    return tl::unexpected{std::move(encoded.error())};
  into.data = std::move(encoded->text);
  into.attachments = std::move(encoded->attachments);
  return {};
}

void warn_of_stealing(const caf::actor_system& x, telemetry::log& log) {
  auto policy = caf::get_or(x.config(), "scheduler.policy", caf::defaults::scheduler::policy);
  if (policy == caf::atom("stealing"))
    log.write(
      telemetry::level::warning, "runtime",
      "the actor system's scheduler.policy is `stealing`; under `sharing` a call takes about "
      "half the time");
}

} // namespace

// -- start ------------------------------------------------------------------------

own_system::own_system() : system{prepared(config)} {}

caf::actor_system_config& own_system::prepared(caf::actor_system_config& x) {
  prepare(x);
  // Measured: half the latency of `stealing`, and next to no CPU when idle.
  x.set("scheduler.policy", caf::atom("sharing"));
  return x;
}

result<runtime> runtime::implementation::start(config cfg, std::unique_ptr<own_system> own,
                                               caf::actor_system* system) {
  if (auto ok = validate(cfg); !ok)
    return tl::unexpected{std::move(ok.error())};
  if (cfg.pools.empty())
    return fail(reason::invalid_config, "the configuration has no pool");
  auto x = std::make_unique<implementation>();
  auto log = telemetry::log::open(cfg.log, cfg.log.sink);
  if (!log)
    return tl::unexpected{std::move(log.error())};
  auto launcher = io::make_exec_launcher();
  if (!launcher)
    return tl::unexpected{std::move(launcher.error())};
  if (auto ok = io::check_threads(threads_at_start); !ok)
    return tl::unexpected{std::move(ok.error())};
  if (auto ok = io::start_grpc_threads(); !ok)
    return tl::unexpected{std::move(ok.error())};
  auto bridge = io::find_bridge();
  if (!bridge)
    return tl::unexpected{std::move(bridge.error())};
  x->run_id = io::make_run_id();
  auto directory = io::run_directory::make(cfg.instance.run_dir, x->run_id);
  if (!directory)
    return tl::unexpected{std::move(directory.error())};
  x->log = std::move(*log);
  x->events = std::make_shared<telemetry::event_hub>(x->log);
  if (auto& events = cfg.events; events.sink) {
    auto sink = telemetry::subscribe(x->events, events.filter, events.sink, events.backlog);
    if (!sink)
      return tl::unexpected{std::move(sink.error())};
    x->sink = std::move(*sink);
  }
  x->directory = std::make_shared<io::run_directory>(std::move(*directory));
  if (auto ok = x->open_ledger(cfg.instance); !ok)
    return tl::unexpected{std::move(ok.error())};
  x->launcher = std::move(*launcher);
  auto limits_memory = [](auto& pool) {
    return pool.recycle.memory_soft != 0 || pool.recycle.memory_hard != 0;
  };
  if (std::ranges::any_of(cfg.pools, limits_memory))
    x->meter = io::make_memory_meter();
  x->own = std::move(own);
  if (x->own)
    system = &x->own->system;
  else
    warn_of_stealing(*system, *x->log);

  auto& context = x->context;
  context.run_id = x->run_id;
  context.marks = x->marks(cfg.instance);
  context.next_socket = [place = x->directory] { return place->next_socket(); };
  context.token = [] { return io::random_bytes(token_bytes); };
  context.bridge = *bridge;
  context.environment = io::host_environment();
  context.processors = std::max(1u, std::thread::hardware_concurrency());
  context.log = x->log;
  auto plans = std::vector<pool_plan>{};
  for (auto& pool : cfg.pools) {
    auto entry = std::make_shared<pool_entry>(x->deaths);
    auto here = context_of(pool, context, *x->directory);
    if (!here)
      return tl::unexpected{std::move(here.error())};
    auto plan = pool_plan{settings_of(pool, cfg, *here),
                          {entry,
                           io::make_grpc_channel,
                           io::measure,
                           io::memory_barrier,
                           x->log,
                           {},
                           x->metrics.add_pool(pool.name),
                           x->events},
                          x->launcher,
                          x->registry,
                          x->meter};
    if (plan.settings.template_launch) {
      auto forks =
        io::make_template_launcher(x->launcher, template_of(plan.settings, x->log, x->events));
      if (!forks)
        return tl::unexpected{std::move(forks.error())};
      plan.launcher = std::move(*forks);
      x->forks.push_back(plan.launcher);
    }
    x->pools.push_back({pool.name, plan.settings.call_timeout, plan.settings.queue_timeout,
                        pool.limits.inline_bytes, entry, plan.world.metrics});
    plans.push_back(std::move(plan));
  }
  x->cfg = std::move(cfg);
  auto registry = registry_world{x->registry, x->ledger, x->log, x->events};
  if (auto ok = x->start_closer(); !ok)
    return tl::unexpected{std::move(ok.error())};
  if (!apart([&] {
        x->root = system->spawn(supervisor, root_tree(std::move(plans), x->log, registry));
      }))
    return io::no_thread();
  x->root_was_made = true;
  auto& impl = *x;
  auto out = runtime{std::move(x)}; // stops it if something is missing
  // Actors start on threads of their own: a call that follows at once shall find its pool.
  for (auto& pool : impl.pools)
    if (!pool.entry->await_actors(10s))
      return fail(reason::internal, "pool `" + pool.name
                                      + "` did not start; is the actor system "
                                        "running?");
  if (auto ok = impl.start_admin(); !ok)
    return tl::unexpected{std::move(ok.error())};
  return out;
}

result<void> runtime::implementation::start_admin() {
  if (cfg.admin.listen.empty())
    return {};
  auto address = core::parse_listen_address(cfg.admin.listen).value(); // validated
  auto source = telemetry::admin_source{};
  source.pools = [this] { return stats(admin_patience); };
  source.has_started = [this] {
    return std::all_of(pools.begin(), pools.end(), [](auto& x) { return x.metrics->was_ready(); });
  };
  source.metrics = [this] {
    metrics.set_ledger_degraded(!registry->trouble().empty());
    return metrics.text(stats(admin_patience), *log);
  };
  source.ledger_is_degraded = [this] { return !registry->trouble().empty(); };
  auto server = telemetry::admin_server::start(address.host, address.port, std::move(source));
  if (!server)
    return tl::unexpected{std::move(server.error())};
  admin = std::move(*server);
  admin_address = admin->address();
  return {};
}

// -- calls ------------------------------------------------------------------------

result<const runtime::implementation::pool_place*>
runtime::implementation::find(const std::string& pool) const {
  auto wanted = pool.empty() && pools.size() > 1 ? std::string{"default"} : pool;
  if (wanted.empty())
    return &pools.front();
  auto known = std::string{};
  for (auto& x : pools) {
    if (x.name == wanted)
      return &x;
    known += (known.empty() ? "`" : ", `") + x.name + "`";
  }
  return fail(reason::pool_not_found, "there is no pool `" + wanted + "`; there is " + known,
              {{"pool", wanted}});
}

void runtime::implementation::submit(std::string_view tool, std::vector<arguments> args,
                                     const call_options& options,
                                     std::shared_ptr<core::reply_target> target,
                                     std::shared_ptr<core::call_ticket> ticket) {
  auto refuse_all = [&](const error& why) {
    for (size_t i = 0; i < args.size(); ++i)
      target->answer(i, tl::unexpected{why});
  };
  if (stopping)
    return refuse_all({reason::draining, "the runtime stops and takes no new calls"});
  auto place = find(options.pool);
  if (!place)
    return refuse_all(place.error());
  auto& pool = **place;
  auto timeout = options.timeout.value_or(pool.call_timeout);
  auto wait = options.queue_timeout.value_or(pool.queue_timeout);
  if (timeout <= 0ns || wait <= 0ns)
    return refuse_all({reason::invalid_argument, "a timeout must be positive"});
  auto now = clock::now();
  auto deadline = core::later(now, timeout);
  auto queue_deadline = std::min(deadline, core::later(now, wait));
  auto group =
    std::make_shared<const core::call_group>(core::call_group{std::string{tool}, options});
  auto tools = pool.entry->tools();
  auto message = std::make_shared<core::submission>();
  message->calls.reserve(args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    auto call = std::make_unique<core::call>();
    call->id = ticket && ticket->id != 0 ? ticket->id : next_call_id();
    call->group = group;
    call->admitted = now;
    call->deadline = deadline;
    call->queue_deadline = queue_deadline;
    call->slot = core::reply_slot{target, i};
    call->ticket = ticket;
    auto ok = encode(args[i], *call);
    if (ok)
      if (auto why = core::check_size(call->bytes(), pool.payload_bytes))
        ok = tl::unexpected{std::move(*why)};
    // Checked here, on the caller's thread, as soon as the tools are known.
    if (ok && tools->known())
      ok = tools->check(*call);
    if (!ok)
      call->slot.answer(tl::unexpected{std::move(ok.error())});
    else
      message->calls.push_back(std::move(call));
  }
  if (message->calls.empty())
    return;
  if (auto actor = pool.entry->actor())
    caf::anon_send(caf::actor_cast<pool_actor>(actor), local<core::submission>{std::move(message)});
}

// -- readiness --------------------------------------------------------------------

result<start_report> runtime::implementation::await(const std::string& pool, duration timeout,
                                                    bool all) {
  auto place = find(pool);
  if (!place)
    return tl::unexpected{std::move(place.error())};
  auto until = core::later(clock::now(), timeout);
  while (!stopping) {
    auto promise = std::make_shared<std::promise<result<start_report>>>();
    auto future = promise->get_future();
    auto waiter =
      ready_waiter{all, [promise](result<start_report> x) { promise->set_value(std::move(x)); }};
    if (auto actor = (*place)->entry->actor())
      caf::anon_send(caf::actor_cast<pool_actor>(actor), make_local(std::move(waiter)));
    else
      waiter.answer(fail(reason::unavailable, "the pool is being started"));
    auto end = take(future, until);
    if (end && (*end || end->error().reason != reason::unavailable))
      return std::move(*end);
    if (!end || clock::now() >= until)
      return fail(reason::pool_not_ready,
                  "pool `" + (*place)->name + "` was not ready in the given time",
                  {{"pool", (*place)->name}});
    std::this_thread::sleep_for(5ms); // its supervisor restarts it
  }
  return fail(reason::draining, "the runtime stops");
}

// -- statistics -------------------------------------------------------------------

std::vector<poisoned_call> runtime::implementation::poisoned(duration timeout, bool clear) {
  auto waiting = std::vector<std::future<std::vector<poisoned_call>>>{};
  for (auto& x : pools) {
    auto promise = std::make_shared<std::promise<std::vector<poisoned_call>>>();
    waiting.push_back(promise->get_future());
    auto query = poison_query{clear, [promise](auto list) { promise->set_value(std::move(list)); }};
    if (auto actor = x.entry->actor())
      caf::anon_send(caf::actor_cast<pool_actor>(actor), make_local(std::move(query)));
  }
  auto until = core::later(clock::now(), timeout);
  auto all = std::vector<poisoned_call>{};
  for (auto& x : waiting)
    if (auto list = take(x, until))
      all.insert(all.end(), list->begin(), list->end());
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.since < b.since; });
  return all;
}

std::vector<pool_stats> runtime::implementation::stats(duration timeout) const {
  auto waiting = std::vector<std::future<pool_stats>>{};
  for (auto& x : pools) {
    auto promise = std::make_shared<std::promise<pool_stats>>();
    waiting.push_back(promise->get_future());
    if (auto actor = x.entry->actor())
      caf::anon_send(
        caf::actor_cast<pool_actor>(actor),
        make_local(stats_query{[promise](pool_stats s) { promise->set_value(std::move(s)); }}));
  }
  auto all = std::vector<pool_stats>{};
  auto until = core::later(clock::now(), timeout);
  for (size_t i = 0; i < waiting.size(); ++i) {
    auto s = pool_stats{};
    s.name = pools[i].name;
    s.state = "stopped";
    if (waiting[i].wait_until(until) == std::future_status::ready) {
      try {
        s = waiting[i].get();
      } catch (const std::future_error&) {
        s.state = "starting"; // restarted by its supervisor, or stopped, while we asked
      }
    }
    all.push_back(std::move(s));
  }
  return all;
}

} // namespace snakepit
