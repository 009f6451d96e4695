#include "actors/settings.hpp"

#include "actors/core/environment.hpp"
#include "actors/core/thread_limits.hpp"
#include "actors/io/host_limits.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>

namespace snakepit {

namespace {

constexpr uint32_t max_depth = 100;

size_t workers_of(const pool_config& pool, const settings_context& context) {
  auto usual = pool.autoscale.max > 0 ? pool.autoscale.min : context.processors;
  auto wanted = pool.workers.value_or(usual);
  if (wanted > pool.max_workers)
    context.log->write(telemetry::level::warning, "pool", "`workers` is reduced to `max_workers`",
                       {{"pool", pool.name},
                        {"workers", static_cast<int64_t>(wanted)},
                        {"max_workers", static_cast<int64_t>(pool.max_workers)}});
  return std::clamp<size_t>(wanted, 1, pool.max_workers);
}

/// What threads are to be shared by.
size_t most_workers(const pool_config& pool, const settings_context& context) {
  auto most =
    pool.autoscale.max > 0 ? pool.autoscale.max : pool.workers.value_or(context.processors);
  return std::clamp<size_t>(most, 1, pool.max_workers);
}

std::string interpreter_of(const python_config& python) {
  return python.venv.empty() ? python.executable : python.venv + "/bin/python";
}

/// `./file.py:Class` with the path made absolute, since a worker may be started from anywhere.
std::string adapter_of(const std::string& adapter) {
  auto end = adapter.rfind(".py");
  if (end == std::string::npos || (end + 3 != adapter.size() && adapter[end + 3] != ':'))
    return adapter;
  auto path = std::filesystem::absolute(adapter.substr(0, end + 3)).lexically_normal();
  return path.string() + adapter.substr(end + 3);
}

/// What starts the pool's template. The last argument makes room for a worker's command line, which
/// is written over the template's.
io::launch_spec template_launch_of(const pool_config& pool, const worker_config& common,
                                   const core::environment_layers& layers) {
  constexpr size_t room = 200;
  auto x = common.launch;
  x.label = pool.name + "/template";
  x.arguments = {"-m", "snakepit_bridge.template", "run=" + common.hello.run_id,
                 "pool=" + pool.name};
  for (auto& module : pool.preload)
    x.arguments.push_back(module == "adapter" ? "adapter=" + common.hello.adapter
                                              : "preload=" + module);
  x.arguments.push_back(std::string(room, ' '));
  x.environment = core::merge_environment(layers);
  // Workers that waited in vain still have time for a start of their own.
  x.ready_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(pool.start.timeout / 2);
  // What else the kernel is to hold workers to is set after each fork: it is for one, not for all.
  x.limits = {.core = common.launch.limits.core};
  return x;
}

/// The host's environment as another user should find it.
std::vector<std::string> environment_for(const io::worker_user& user,
                                         std::vector<std::string> host) {
  for (auto& [name, text] : {std::pair{"HOME", user.home}, std::pair{"USER", user.name},
                             std::pair{"LOGNAME", user.name}}) {
    auto begin = std::string{name} + "=";
    std::erase_if(host, [&](auto& x) { return x.starts_with(begin); });
    host.push_back(begin + text);
  }
  return host;
}

/// The path by which a worker of another user reaches its socket.
std::string seen_by_worker(const std::string& socket) {
  return "/proc/self/fd/" + std::to_string(io::folder_descriptor)
         + socket.substr(socket.rfind('/'));
}

/// Unlike that of other pools and of the next run.
uint64_t seed_of(const std::string& text) {
  auto hash = uint64_t{0xcbf29ce484222325u};
  for (auto c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

/// Faults on purpose must not go unnoticed.
void warn_of_chaos(const pool_config& pool, telemetry::log& log) {
  auto text = std::string{};
  for (auto& [fault, often] : pool.chaos.faults)
    text += (text.empty() ? "" : ", ") + fault + " " + often;
  if (!text.empty())
    log.write(telemetry::level::warning, "chaos",
              "`chaos` is on: faults are made on purpose, and calls fail for it",
              {{"pool", pool.name}, {"faults", text}});
}

/// All that workers are started with and that is the same for each.
struct worker_parts {
  worker_config common{};
  core::environment_layers layers{};
  std::vector<core::chaos_fault> faults{};
  std::optional<io::launch_spec> template_launch{}; // none: they are executed
  std::shared_ptr<const io::launch_spec> origin{};
};

worker_parts parts_of(const pool_config& pool, const config& all, const settings_context& context,
                      size_t workers) {
  auto out = worker_parts{};
  auto lanes = static_cast<uint32_t>(lanes_of(pool));
  auto& [common, layers, faults, template_launch, origin] = out;
  common.start_timeout = pool.start.timeout;
  common.cancel_grace = all.timeouts.cancel_grace;
  common.drain = all.timeouts.drain;
  common.heartbeat = pool.heartbeat;
  common.health_interval = pool.health_interval;
  common.tells_ends = pool.breaker.enabled;
  common.launch.executable = interpreter_of(all.python);
  common.launch.lanes = lanes;
  common.hello.run_id = context.run_id;
  common.hello.instance = all.instance.name;
  common.hello.pool = pool.name;
  common.hello.adapter = adapter_of(pool.adapter);
  common.hello.lanes = lanes;
  common.hello.threads = pool.profile == "thread";
  common.hello.on_loop = pool.profile == "async";
  common.hello.payload_bytes = pool.limits.inline_bytes;
  common.hello.depth = max_depth;
  faults = core::chaos_faults(pool.chaos).value(); // validated
  std::ranges::copy_if(faults, std::back_inserter(common.hello.faults),
                       [](auto& x) { return !x.is_hosts(); });
  common.hello.chaos_seed = pool.chaos.seed;
  warn_of_chaos(pool, *context.log);
  common.launch.limits = context.limits;
  common.launch.user = context.user;
  common.launch.socket_folder = context.folder.fd;
  if (context.user)
    common.hello.peer_user = context.user->id;
  layers = core::environment_layers{.host = context.environment,
                                    .configured = all.python.env,
                                    .ours = context.marks,
                                    .module_path = {context.bridge}};
  layers.suggested = core::thread_limits(pool, workers, context.processors, layers);
  for (auto& x : all.python.path)
    layers.module_path.push_back(x);
  if (pool.spawn == "template")
    template_launch = template_launch_of(pool, common, layers);
  return out;
}

auto maker_of(worker_parts parts, const settings_context& context) {
  return [parts = std::move(parts), context](uint32_t slot,
                                             uint32_t generation) -> result<worker_config> {
    auto& [common, layers, faults, template_launch, origin] = parts;
    if (core::start_fails(faults, common.hello.chaos_seed, slot, generation))
      return fail(reason::worker_start_failed, "`chaos.faults.no_start`: a fault on purpose");
    auto socket = context.next_socket();
    if (context.user)
      socket = context.folder.path + socket.substr(socket.rfind('/'));
    auto x = common;
    x.hello.slot = slot;
    x.hello.generation = generation;
    x.hello.token = context.token();
    x.launch.token = x.hello.token;
    x.launch.origin = origin;
    x.launch.socket_path = socket;
    x.launch.label = x.hello.pool + "/" + std::to_string(slot) + "." + std::to_string(generation);
    x.launch.arguments = {"-m",
                          "snakepit_bridge.worker",
                          "run=" + context.run_id,
                          "pool=" + x.hello.pool,
                          "slot=" + std::to_string(slot),
                          "gen=" + std::to_string(generation)};
    auto complete = layers;
    complete.ours.emplace("SNAKEPIT_SOCKET", context.user ? seen_by_worker(socket) : socket);
    x.launch.environment = core::merge_environment(complete);
    return x;
  };
}

worker_spec_ptr spec_of(worker_parts parts, const settings_context& context, uint32_t revision) {
  // The first template is the launcher's own.
  if (revision > 1 && parts.template_launch)
    parts.origin = std::make_shared<const io::launch_spec>(*parts.template_launch);
  auto out = std::make_shared<worker_spec>();
  out->revision = revision;
  out->origin = parts.origin;
  out->again = [parts, context](uint32_t next) { return spec_of(parts, context, next); };
  out->make = maker_of(std::move(parts), context);
  return out;
}

} // namespace

result<settings_context> context_of(const pool_config& pool, settings_context all,
                                    io::run_directory& place) {
  auto fitted = io::fit_limits(pool.limits);
  all.limits = fitted.limits;
  for (auto& x : fitted.reduced)
    all.log->write(telemetry::level::warning, "pool",
                   "a limit is reduced to what this host may have: " + x, {{"pool", pool.name}});
  if (pool.limits.user.empty())
    return all;
  auto user = io::find_user(pool.limits.user);
  if (!user)
    return tl::unexpected{std::move(user.error())};
  if (!*user)
    return all;
  auto folder = place.folder_for(**user);
  if (!folder)
    return tl::unexpected{std::move(folder.error())};
  all.user = std::move(*user);
  all.folder = std::move(*folder);
  all.environment = environment_for(*all.user, std::move(all.environment));
  return all;
}

pool_settings settings_of(const pool_config& pool, const config& all,
                          const settings_context& context) {
  auto result = pool_settings{};
  result.config = pool;
  result.workers = workers_of(pool, context);
  result.lanes = static_cast<uint32_t>(lanes_of(pool));
  auto profile = find_timeout_profile(all.timeouts.profile).value();
  result.call_timeout = all.timeouts.call.value_or(profile.call);
  result.queue_timeout = pool.queue.timeout.value_or(all.timeouts.queue.value_or(profile.queue));
  result.cancel_grace = all.timeouts.cancel_grace;
  result.recycle_seed = seed_of(context.run_id + '/' + pool.name);
  auto parts = parts_of(pool, all, context, most_workers(pool, context));
  result.template_launch = parts.template_launch;
  result.spec = spec_of(std::move(parts), context, 1);
  return result;
}

std::function<worker_spec_ptr(uint32_t)> specs_of(const pool_config& pool, const config& all,
                                                  const settings_context& context) {
  auto parts = parts_of(pool, all, context, most_workers(pool, context));
  return [parts = std::move(parts), context](uint32_t revision) {
    return spec_of(parts, context, revision);
  };
}

io::template_spec template_of(const pool_settings& pool, const std::shared_ptr<telemetry::log>& log,
                              const std::shared_ptr<telemetry::event_hub>& events) {
  auto result = io::template_spec{};
  result.launch = *pool.template_launch;
  result.on_fallback = [name = pool.config.name, log](const std::string& why) {
    log->write(telemetry::level::warning, "pool.start",
               "no template to fork workers from; they are started by exec",
               {{"pool", name}, {"because", why}});
  };
  auto source = telemetry::event_source{events, pool.config.name};
  result.on_ready = [source](duration took) {
    source.emit(event_kind::template_ready, [&](auto& to) { to.number("took_us", took); });
  };
  result.on_lost = [source](const std::string& why) {
    source.emit(event_kind::template_failed, [&](auto& to) { to.text("because", why); });
  };
  // No worker has generation 0.
  result.on_output = [name = pool.config.name, log](bool is_stderr, std::string_view line) {
    log->worker_output(name, 0, 0, 0, is_stderr, line);
  };
  return result;
}

} // namespace snakepit
