#include "actors/io/doctor_python.hpp"

#include "actors/core/environment.hpp"
#include "actors/io/bridge_path.hpp"
#include "actors/io/command.hpp"
#include "actors/io/executable.hpp"

#include <snakepit/json.hpp>
#include <snakepit/version.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

#include <unistd.h>

namespace snakepit::io {

namespace {

using verdict = check::verdict;

// Each line is a name and what is known of it; nothing after the name: it is missing.
constexpr const char* ask = R"(
import sys
print("python", "%d.%d.%d" % sys.version_info[:3])
try:
    import grpc
    print("grpcio", grpc.__version__)
except BaseException as x:
    print("grpcio-error", " ".join(str(x).split()) or type(x).__name__)
try:
    import google.protobuf
    print("protobuf", google.protobuf.__version__)
except BaseException as x:
    print("protobuf-error", " ".join(str(x).split()) or type(x).__name__)
)";

constexpr const char* ask_bridge = R"(
import snakepit_bridge
print("bridge", snakepit_bridge.__version__)
import snakepit_bridge.worker
)";

std::string fact(const std::string& facts, const std::string& name) {
  auto key = name + ' ';
  size_t at = facts.starts_with(key) ? 0 : facts.find('\n' + key);
  if (at == std::string::npos)
    return {};
  at += (at == 0 ? 0 : 1) + key.size();
  return facts.substr(at, facts.find('\n', at) - at);
}

/// The last line that says something: what Python prints of an exception.
std::string last_line(const std::string& text) {
  auto end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos)
    return "it said nothing";
  auto begin = text.rfind('\n', end);
  begin = begin == std::string::npos ? 0 : begin + 1;
  return text.substr(begin, end - begin + 1);
}

std::string how(const command_end& x) {
  if (x.timed_out)
    return "it did not end in time";
  if (x.signal != 0)
    return "it died by signal " + std::to_string(x.signal);
  return "it exited with code " + std::to_string(x.code);
}

/// A member of a report, if there is one of this type.
template <class T>
const T* member(const value& x, std::string_view key) {
  auto* map = x.get_if<value::map>();
  if (!map)
    return nullptr;
  auto i = map->find(key);
  return i == map->end() ? nullptr : i->second.get_if<T>();
}

/// Why `check` did not report an adapter. Its own word is the best, unless it did not come to one:
/// an import may end the process, with code 0 even.
std::string why_not_loaded(const command_end& x) {
  constexpr int said_by_check = 1;
  if (x.timed_out || x.signal != 0)
    return how(x);
  if (x.code != said_by_check)
    return "while it was loaded " + how(x);
  auto report = parse_json(x.output);
  if (auto* error = report ? member<value::map>(*report, "error") : nullptr)
    if (auto* message = member<std::string>(value{*error}, "message"))
      return *message;
  return last_line(x.errors);
}

/// Whether it has tools that a pool of profile `async` runs beside its event loop.
bool has_plain_tools(const value& report) {
  auto* tools = member<value::list>(report, "tools");
  return tools && std::ranges::any_of(*tools, [](const value& tool) {
           auto is = [&](const char* flag) {
             auto* found = member<bool>(tool, flag);
             return found && *found;
           };
           return !is("async") && !is("thread_sensitive");
         });
}

std::vector<std::string> host_environment() {
  std::vector<std::string> out;
  for (char** x = environ; *x; ++x)
    out.emplace_back(*x);
  return out;
}

bool is_old(const std::string& python) {
  int major = 0;
  int minor = 0;
  return std::sscanf(python.c_str(), "%d.%d", &major, &minor) == 2
         && (major < 3 || (major == 3 && minor < 9));
}

} // namespace

python_examination::python_examination(const config& cfg)
  : cfg_{cfg}, name_{cfg.python.venv.empty() ? cfg.python.executable
                                             : cfg.python.venv + "/bin/python"} {
  auto longest = start_config{}.timeout;
  for (auto& pool : cfg.pools)
    longest = std::max(longest, std::min<duration>(pool.start.timeout, std::chrono::minutes{10}));
  timeout_ = std::chrono::duration_cast<std::chrono::milliseconds>(longest);
}

void python_examination::run(const std::vector<std::string>& adapters, std::vector<check>& out) {
  out.push_back(interpreter());
  if (out.back().result == verdict::fail)
    return;
  out.push_back(package("grpcio", "install it for this interpreter: `apt install python3-grpcio` "
                                  "for Debian's, else `"
                                    + executable_ + " -m pip install grpcio`"));
  bool able = out.back().result == verdict::ok;
  out.push_back(package("protobuf", "install it for this interpreter: `apt install "
                                    "python3-protobuf` for Debian's, else `"
                                      + executable_ + " -m pip install protobuf`"));
  able = able && out.back().result == verdict::ok;
  if (!able)
    return;
  out.push_back(bridge());
  if (out.back().result == verdict::fail)
    return;
  for (auto& x : adapters)
    out.push_back(adapter(x));
}

check python_examination::interpreter() {
  check out{"interpreter", verdict::fail, name_,
            "set python.executable or python.venv to a Python 3.9 or later"};
  auto found = find_bridge();
  bridge_ = found.value_or("");
  core::environment_layers layers{
    .host = host_environment(), .configured = cfg_.python.env, .module_path = {bridge_}};
  for (auto& x : cfg_.python.path)
    layers.module_path.push_back(x);
  environment_ = core::merge_environment(layers);
  auto path = find_executable(name_, environment_);
  if (!path) {
    out.found = path.error().message;
    return out;
  }
  executable_ = *path;
  auto end = run_command({executable_, "-c", ask}, environment_, timeout_);
  if (!end || !end->succeeded()) {
    out.found =
      executable_ + ": " + (end ? how(*end) + ": " + last_line(end->errors) : end.error().message);
    return out;
  }
  facts_ = end->output;
  auto version = fact(facts_, "python");
  out.found = executable_ + ", Python " + (version.empty() ? "of unknown version" : version);
  if (!version.empty() && !is_old(version)) {
    out.result = verdict::ok;
    out.advice.clear();
  }
  return out;
}

check python_examination::package(const std::string& name, const std::string& advice) const {
  auto version = fact(facts_, name);
  if (!version.empty())
    return {name, verdict::ok, version, {}};
  auto why = fact(facts_, name + "-error");
  return {name, verdict::fail, why.empty() ? "missing" : why, advice};
}

check python_examination::bridge() {
  check out{"bridge package",
            verdict::fail,
            {},
            "build or install Snakepit again, or set "
            "SNAKEPIT_BRIDGE_PATH"};
  if (bridge_.empty()) {
    out.found = find_bridge().error().message;
    return out;
  }
  auto end = run_command({executable_, "-c", ask_bridge}, environment_, timeout_);
  auto version = end ? fact(end->output, "bridge") : "";
  out.found = bridge_ + (version.empty() ? "" : ", " + version);
  if (!end || !end->succeeded())
    out.found += ": " + (end ? how(*end) + ": " + last_line(end->errors) : end.error().message);
  else if (version != snakepit::version)
    out.found += std::string{", but this is Snakepit "} + snakepit::version;
  else
    return {out.name, verdict::ok, out.found, {}};
  return out;
}

check python_examination::adapter(const std::string& spec) const {
  check out{"adapter " + spec, verdict::ok, {}, {}};
  auto end = run_command({executable_, "-m", "snakepit_bridge", "check", "--json", spec},
                         environment_, timeout_);
  if (!end) {
    out.result = verdict::fail;
    out.found = end.error().message;
  } else if (auto report = parse_json(end->output); end->succeeded() && report) {
    out.found = "it loads";
    note_threads(spec, *report, out);
  } else {
    out.result = verdict::fail;
    out.found = why_not_loaded(*end);
    out.advice =
      "see `" + executable_ + " -m snakepit_bridge check " + spec + "`, with PYTHONPATH=" + bridge_;
  }
  return out;
}

void python_examination::note_threads(const std::string& spec, const value& report,
                                      check& out) const {
  auto is_in = [&](const char* profile) {
    return std::ranges::any_of(
      cfg_.pools, [&](const pool_config& x) { return x.adapter == spec && x.profile == profile; });
  };
  auto threaded = is_in("thread");
  auto* safe = member<bool>(report, "thread_safe");
  if ((safe && *safe) || !(threaded || (is_in("async") && has_plain_tools(report))))
    return;
  out.result = verdict::fail;
  out.found = threaded
                ? "it loads, but a pool of profile `thread` has it and it does not say that "
                  "it is thread safe"
                : "it loads, but a pool of profile `async` has it, it has tools that are not "
                  "`async def`, and it does not say that it is thread safe";
  out.advice =
    "put `thread_safe = True` into it if its tools may run at the same time, else let the "
    "pool have the profile `process`";
}

} // namespace snakepit::io
