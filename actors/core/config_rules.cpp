#include "actors/core/config_rules.hpp"

#include "actors/core/chaos.hpp"
#include "actors/core/config_fields.hpp"
#include "actors/core/config_keys.hpp"
#include "actors/core/listen_address.hpp"
#include "actors/core/process_marks.hpp"
#include "actors/core/spelling.hpp"
#include "actors/core/units.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace snakepit::core {

namespace {

using namespace std::chrono_literals;

struct named_profile {
  std::string_view name;
  timeout_profile budgets;
};

constexpr auto profiles = std::array{
  named_profile{"balanced", {300s, 900s, 10s}},
  named_profile{"production", {300s, 900s, 10s}},
  named_profile{"production_strict", {60s, 300s, 5s}},
  named_profile{"development", {900s, 3600s, 60s}},
  named_profile{"ml_inference", {900s, 3600s, 60s}},
  named_profile{"batch", {3600s, infinite, 300s}},
};

constexpr size_t most_threads = 256;
constexpr size_t most_coroutines = 4096;

/// With less an interpreter with gRPC does not start.
constexpr uint64_t least_memory = uint64_t{128} << 20;
/// Bytes that a worker holds for itself at least.
constexpr uint64_t least_use = uint64_t{1} << 20;
constexpr size_t least_files = 128;
constexpr size_t most_nice = 19;

/// Looking after a worker more often than this would cost more than it tells.
constexpr duration shortest_look = 10ms;

constexpr auto letters =
  std::string_view{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"};

/// Python identifiers joined by dots. Letters beyond ASCII are Python's business.
bool is_dotted(std::string_view x) {
  for (;;) {
    auto dot = x.find('.');
    auto part = x.substr(0, dot);
    if (part.empty() || (part[0] >= '0' && part[0] <= '9'))
      return false;
    for (auto c : part)
      if (static_cast<unsigned char>(c) < 0x80 && c != '_'
          && letters.find(c) == std::string_view::npos)
        return false;
    if (dot == std::string_view::npos)
      return true;
    x.remove_prefix(dot + 1);
  }
}

/// What is wrong with a single value by its key's rule.
struct value_check {
  const key_rule& rule;
  using fault = std::optional<std::string>;

  fault operator()(const text_field& f) const {
    if (rule.name && !(rule.null && f.at->empty()) && !is_name(*f.at))
      return in_quotes(*f.at)
             + " is not a name: up to 64 letters, digits, `_`, `.` and `-`, the first "
               "a letter or digit";
    return text(*f.at);
  }
  fault operator()(const texts_field& f) const {
    for (auto& x : *f.at)
      if (auto found = text(x))
        return found;
    return std::nullopt;
  }
  fault operator()(const text_map_field& f) const {
    for (auto& [name, x] : *f.at) {
      if (name.empty() || name.size() > 255 || name.find('=') != std::string::npos || text(name))
        return in_quotes(name) + " is not a name for an environment variable";
      if (is_mark(name))
        return in_quotes(name) + " is set by Snakepit, which finds its workers by it";
      if (text(x))
        return "the value of " + in_quotes(name) + " has a NUL in it";
    }
    return std::nullopt;
  }
  fault operator()(const word_map_field& f) const {
    for (auto& [name, x] : *f.at) {
      if (!is_name(name))
        return in_quotes(name) + " is not a name";
      if (auto found = word(x, f.allowed))
        return found;
    }
    return std::nullopt;
  }
  fault operator()(const word_field& f) const {
    return word(*f.at, f.allowed);
  }
  fault operator()(const word_or_count_field& f) const {
    if (auto count = parse_count(*f.at))
      return zero(*count);
    return word(*f.at, f.allowed);
  }
  fault operator()(const flag_field&) const {
    return std::nullopt;
  }
  fault operator()(const share_field& f) const {
    return is_share(*f.at) ? std::nullopt : fault{"must be from 0 to 1"};
  }
  fault operator()(const count_field& f) const {
    return zero(*f.at);
  }
  fault operator()(const optional_count_field& f) const {
    return *f.at ? zero(**f.at) : std::nullopt;
  }
  fault operator()(const size_field& f) const {
    return zero(*f.at);
  }
  fault operator()(const duration_field& f) const {
    return time(*f.at);
  }
  fault operator()(const optional_duration_field& f) const {
    return *f.at ? time(**f.at) : std::nullopt;
  }
  fault operator()(const durations_field& f) const {
    if (f.at->empty())
      return "needs at least one duration";
    for (auto x : *f.at)
      if (auto found = time(x))
        return found;
    return std::nullopt;
  }

private:
  static fault text(const std::string& x) {
    return x.find('\0') == std::string::npos ? std::nullopt : fault{"has a NUL in it"};
  }
  static fault word(const std::string& x, const words& allowed) {
    if (std::find(allowed.begin(), allowed.end(), x) != allowed.end())
      return std::nullopt;
    return "wanted " + listed(allowed, "or") + ", got " + in_quotes(x) + suggestion(x, allowed);
  }
  fault zero(uint64_t x) const {
    return x == 0 && rule.positive ? fault{"must be more than 0"} : std::nullopt;
  }
  fault time(duration x) const {
    if (x == infinite)
      return rule.infinite ? std::nullopt : fault{"must not be infinite"};
    if (x < 0ns)
      return "must not be negative";
    if (x > longest_duration)
      return "more than ten years is `infinite`";
    return zero(static_cast<uint64_t>(x.count()));
  }
};

std::optional<config_fault> check_values(const std::vector<config_key>& keys,
                                         const std::string& path, const std::string& whose) {
  for (auto& key : keys)
    if (auto found = std::visit(value_check{key.rule}, key.field))
      return config_fault{path + std::string{key.name},
                          whose + in_quotes(key.name) + ": " + *found};
  return std::nullopt;
}

bool can_be_retried(std::string_view word) {
  auto why = find_reason(word);
  return why == reason::worker_crashed || why == reason::worker_killed
         || why == reason::worker_hung;
}

/// Combinations within one pool.
std::optional<config_fault> check_pool(const pool_config& x, const std::string& path,
                                       const std::string& whose) {
  auto fault = [&](std::string_view key, const std::string& message) {
    return config_fault{path + std::string{key}, whose + message};
  };
  if (x.adapter.empty())
    return fault("adapter", "`adapter` is missing; say which Python code the pool runs, such as "
                            "`package.module:Class` or `./file.py`");
  if (!is_adapter(x.adapter))
    return fault("adapter", in_quotes(x.adapter)
                              + " is not an adapter; wanted "
                                "`package.module:Class`, `package.module` or `./file.py[:Class]`");
  for (auto& module : x.preload)
    if (!is_dotted(module))
      return fault("preload", "`preload`: " + in_quotes(module)
                                + " is not the name of a module; wanted `package.module`, or "
                                  "`adapter` for the pool's own");
  auto lanes = std::to_string(lanes_of(x));
  if (lanes_of(x) > 1 && x.profile == "process")
    return fault("lanes", "`lanes` (" + lanes
                            + ") is more than 1, which needs `profile: thread` or `async`: with "
                              "`process` a worker runs one call at a time, on its main thread, and "
                              "more at a time come from more `workers`");
  auto most_lanes = x.profile == "async" ? most_coroutines : most_threads;
  if (lanes_of(x) > most_lanes)
    return fault("lanes", "`lanes` (" + lanes + ") is more than " + std::to_string(most_lanes));
  if (x.workers && x.min_ready > *x.workers)
    return fault("min_ready", "`min_ready` (" + std::to_string(x.min_ready)
                                + ") is more than `workers` (" + std::to_string(*x.workers) + ")");
  if (auto& scale = x.autoscale; scale.max > 0) {
    if (scale.min > scale.max)
      return fault("autoscale.min", "`autoscale.min` (" + std::to_string(scale.min)
                                      + ") is more than `autoscale.max` ("
                                      + std::to_string(scale.max) + ")");
    if (scale.max > x.max_workers)
      return fault("autoscale.max", "`autoscale.max` (" + std::to_string(scale.max)
                                      + ") is more than `max_workers` ("
                                      + std::to_string(x.max_workers) + ")");
    if (x.workers && (*x.workers < scale.min || *x.workers > scale.max))
      return fault("workers", "`workers` (" + std::to_string(*x.workers)
                                + "), with which the pool starts, is not from `autoscale.min` ("
                                + std::to_string(scale.min) + ") to `autoscale.max` ("
                                + std::to_string(scale.max) + ")");
    if (x.min_ready > scale.min)
      return fault("min_ready", "`min_ready` (" + std::to_string(x.min_ready)
                                  + ") is more than `autoscale.min` (" + std::to_string(scale.min)
                                  + ")");
  }
  if (x.min_ready > x.max_workers)
    return fault("min_ready", "`min_ready` (" + std::to_string(x.min_ready)
                                + ") is more than `max_workers` (" + std::to_string(x.max_workers)
                                + ")");
  for (auto& [key, time] : {std::pair{"heartbeat.interval", x.heartbeat.interval},
                            std::pair{"heartbeat.timeout", x.heartbeat.timeout},
                            std::pair{"health_interval", x.health_interval}})
    if (time < shortest_look)
      return fault(key, in_quotes(key) + " (" + format_duration(time) + ") is less than "
                          + format_duration(shortest_look));
  if (x.heartbeat.gil_limit < x.heartbeat.timeout)
    return fault("heartbeat.gil_limit",
                 "`heartbeat.gil_limit` (" + format_duration(x.heartbeat.gil_limit)
                   + ") is less than `heartbeat.timeout` (" + format_duration(x.heartbeat.timeout)
                   + "), before which nobody looks");
  for (auto& word : x.retry.on)
    if (!can_be_retried(word))
      return fault("retry.on", "`retry.on`: " + in_quotes(word)
                                 + " is not a loss after which a call can be run again; wanted "
                                   "`worker_crashed`, `worker_killed` or `worker_hung`");
  if (x.limits.inline_bytes > x.queue.max_bytes)
    return fault("limits.inline", "`limits.inline` (" + format_size(x.limits.inline_bytes)
                                    + ") is more than `queue.max_bytes` ("
                                    + format_size(x.queue.max_bytes)
                                    + "): such a call could never wait");
  return std::nullopt;
}

/// What the kernel is to hold workers to, and what they are to do wrong.
std::optional<config_fault> check_hardships(const pool_config& x, const std::string& path,
                                            const std::string& whose) {
  auto fault = [&](std::string_view key, const std::string& message) {
    return config_fault{path + std::string{key}, whose + message};
  };
  auto& recycle = x.recycle;
  if (recycle.memory_hard != 0 && recycle.memory_soft > recycle.memory_hard)
    return fault("recycle.memory_soft", "`recycle.memory_soft` (" + format_size(recycle.memory_soft)
                                          + ") is more than `recycle.memory_hard` ("
                                          + format_size(recycle.memory_hard)
                                          + "): no worker could be replaced before it is ended");
  for (auto& [key, size] : {std::pair{"recycle.memory_soft", recycle.memory_soft},
                            std::pair{"recycle.memory_hard", recycle.memory_hard}})
    if (size != 0 && size < least_use)
      return fault(key, in_quotes(key) + " (" + format_size(size) + ") is less than "
                          + format_size(least_use)
                          + ", which a worker holds before its first call; 0 means no limit");
  auto& limits = x.limits;
  if (limits.memory != 0 && limits.memory < least_memory)
    return fault("limits.memory", "`limits.memory` (" + format_size(limits.memory)
                                    + ") is less than " + format_size(least_memory)
                                    + ", with which Python and gRPC do not start; 0 means no "
                                      "limit");
  if (limits.files != 0 && limits.files < least_files)
    return fault("limits.files", "`limits.files` (" + std::to_string(limits.files)
                                   + ") is less than " + std::to_string(least_files)
                                   + ", of which a worker needs some itself; 0 means the host's");
  if (limits.nice > most_nice)
    return fault("limits.nice", "`limits.nice` (" + std::to_string(limits.nice) + ") is more than "
                                  + std::to_string(most_nice));
  if (auto faults = chaos_faults(x.chaos); !faults)
    return fault(faults.error().details.at("path"), faults.error().message);
  return std::nullopt;
}

} // namespace

const words& timeout_profiles() {
  static const auto names = [] {
    auto result = words{};
    for (auto& x : profiles)
      result.emplace_back(x.name);
    return result;
  }();
  return names;
}

bool is_name(std::string_view x) {
  return !x.empty() && x.size() <= 64 && letters.find(x[0]) != std::string_view::npos
         && std::all_of(x.begin(), x.end(), [](char c) {
              return c == '_' || c == '.' || c == '-' || letters.find(c) != std::string_view::npos;
            });
}

bool is_adapter(std::string_view x) {
  auto colon = x.rfind(':');
  auto module = x.substr(0, colon);
  if (colon != std::string_view::npos && !is_dotted(x.substr(colon + 1)))
    return false;
  auto is_file = module.ends_with(".py") && module.size() > 3 && !module.ends_with("/.py");
  return is_file || is_dotted(module);
}

std::optional<config_fault> find_fault(const config& original) {
  // The table of keys binds to something it could write to.
  auto x = original;
  if (auto fault = check_values(keys_of(x), "", ""))
    return fault;
  if (x.python.executable.empty() && x.python.venv.empty())
    return config_fault{"python.executable", "`python.executable` is empty"};
  if (!x.admin.listen.empty() && !parse_listen_address(x.admin.listen))
    return config_fault{"admin.listen", in_quotes(x.admin.listen)
                                          + " is not an address; wanted a port, or `host:port` "
                                            "with numbers for the host"};
  if (auto fault = check_values(keys_of(x.defaults), "defaults.", "`defaults`: "))
    return fault;
  auto seen = std::set<std::string>{};
  for (size_t i = 0; i < x.pools.size(); ++i) {
    auto path = "pools[" + std::to_string(i) + "].";
    auto whose = "pool " + in_quotes(x.pools[i].name) + ": ";
    if (auto fault = check_values(keys_of(x.pools[i]), path, whose))
      return fault;
    if (!seen.insert(x.pools[i].name).second)
      return config_fault{path + "name", "two pools are called " + in_quotes(x.pools[i].name)};
    if (auto fault = check_pool(x.pools[i], path, whose))
      return fault;
    if (auto fault = check_hardships(x.pools[i], path, whose))
      return fault;
  }
  return std::nullopt;
}

} // namespace snakepit::core

namespace snakepit {

result<void> validate(const config& x) {
  if (auto fault = core::find_fault(x))
    return fail(reason::invalid_config, fault->path + ": " + fault->message,
                {{"path", fault->path}});
  return {};
}

size_t lanes_of(const pool_config& x) {
  constexpr size_t threads = 4;
  constexpr size_t coroutines = 100;
  return x.lanes.value_or(x.profile == "async" ? coroutines : x.profile == "thread" ? threads : 1);
}

std::optional<timeout_profile> find_timeout_profile(const std::string& name) {
  for (auto& x : core::profiles)
    if (x.name == name)
      return x.budgets;
  return std::nullopt;
}

} // namespace snakepit
