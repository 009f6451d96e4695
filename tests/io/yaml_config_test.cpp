#include "actors/core/config_writer.hpp"
#include "tests/support/temporary_folder.hpp"

#include <snakepit/config.hpp>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

constexpr auto full = R"(# Every kind of value.
instance: {name: prod-1, run_dir: /run/pit}
python:
  executable: /opt/python
  path: [./lib, "/with space"]
  env: {OMP_NUM_THREADS: 1, TEXT: "a: b"}
timeouts: {profile: batch, call: 1.5s, queue: infinite, drain: 0}
defaults:
  adapter: shared.mod
  queue: {max_bytes: 1GiB}
pools:
  - name: first
    adapter: ./a.py:Class
    workers: 3
    min_ready: 2
    restart: {backoff: [0ms, 1s], start_failures: 2}
    limits: {inline: 1MiB}
  - name: second
log:
  level: info
  categories: {pool: debug}
)";

/// Sets a variable for as long as it lives.
class variable {
public:
  variable(std::string name, const std::string& value) : name_{std::move(name)} {
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  ~variable() {
    ::unsetenv(name_.c_str());
  }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;

private:
  std::string name_;
};

void write(const std::string& file, const std::string& text) {
  std::ofstream{file} << text;
}

std::string fault_of(const std::string& yaml) {
  auto x = parse_config(yaml, "pit.yaml");
  REQUIRE(!x);
  CHECK(x.error().reason == reason::invalid_config);
  return x.error().message;
}

/// Two configurations are equal if they are shown alike: every key is shown.
std::string shown(const config& x) {
  return core::write_config({x, {}}, false);
}

rc::Gen<std::string> any_text() {
  auto letters = std::vector<std::string>{"a",
                                          "Z",
                                          "0",
                                          " ",
                                          ":",
                                          "#",
                                          "'",
                                          "\"",
                                          "\\",
                                          "\n",
                                          "\t",
                                          "{",
                                          "]",
                                          ",",
                                          "-",
                                          "%",
                                          "\x1b",
                                          "\x7f",
                                          "null",
                                          "yes",
                                          "1",
                                          ".5",
                                          "e3",
                                          "\r",
                                          "\xc3\xa9",
                                          "\xc2\x85",
                                          "\xe2\x80\xa8",
                                          "\xf0\x9f\x90\x8d",
                                          "\xef\xbb\xbf",
                                          "~",
                                          "&",
                                          "*",
                                          "!",
                                          "`",
                                          "@"};
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(letters)),
                      [](const std::vector<std::string>& parts) {
                        auto result = std::string{};
                        for (auto& part : parts)
                          result += part;
                        return result;
                      });
}

duration any_duration() {
  return duration{*rc::gen::inRange<int64_t>(1, 1'000'000'000'000'000)};
}

config any_config() {
  auto x = config{};
  x.instance.run_dir = *any_text();
  x.python.venv = *any_text();
  x.python.path = *rc::gen::container<std::vector<std::string>>(any_text());
  for (auto& name : *rc::gen::container<std::vector<std::string>>(any_text()))
    if (!name.empty() && name.size() < 256)
      x.python.env[name] = *any_text();
  x.timeouts.call = *rc::gen::elementOf(std::vector<std::optional<duration>>{{}, infinite, 5s});
  x.timeouts.drain = any_duration();
  x.log.file = *any_text();
  x.log.categories = {{"null", "off"}, {"1", "info"}};
  x.defaults.workers = *rc::gen::elementOf(std::vector<std::optional<size_t>>{{}, 1, 77});
  for (auto name : {"a", "true", "1e5", "0x10"}) {
    auto pool = pool_config{};
    pool.name = name;
    pool.adapter = "/" + *any_text() + "/x.py:Class";
    pool.queue.max_bytes = *rc::gen::inRange<uint64_t>(uint64_t{1} << 24, uint64_t{1} << 60);
    pool.restart.backoff = {any_duration(), any_duration()};
    x.pools.push_back(pool);
  }
  return x;
}

} // namespace

TEST_SUITE_BEGIN("yaml_config");

TEST_CASE("a configuration is read with its units and defaults [E3]") {
  auto x = parse_config(full, "pit.yaml");
  REQUIRE(x);
  CHECK(x->instance.name == "prod-1");
  CHECK(x->instance.run_dir == "/run/pit");
  CHECK(x->python.executable == "/opt/python");
  CHECK(x->python.path == std::vector<std::string>{"./lib", "/with space"});
  CHECK(x->python.env
        == std::map<std::string, std::string>{{"OMP_NUM_THREADS", "1"}, {"TEXT", "a: b"}});
  CHECK(x->timeouts.profile == "batch");
  CHECK(x->timeouts.call == 1500ms);
  CHECK(x->timeouts.queue == infinite);
  CHECK(x->timeouts.drain == 0s);
  CHECK(x->timeouts.cancel_grace == 2s);
  REQUIRE(x->pools.size() == 2);
  CHECK(x->pools[0].adapter == "./a.py:Class");
  CHECK(x->pools[0].workers == 3u);
  CHECK(x->pools[0].min_ready == 2);
  CHECK(x->pools[0].restart.backoff == std::vector<duration>{0ms, 1s});
  CHECK(x->pools[0].limits.inline_bytes == 1u << 20);
  CHECK(x->pools[1].adapter == "shared.mod");
  CHECK(x->pools[1].queue.max_bytes == 1u << 30);
  CHECK(x->log.level == "info");
  CHECK(x->log.categories.at("pool") == "debug");
}

TEST_CASE("an empty file is a configuration of defaults [E3]") {
  auto x = parse_config("", "pit.yaml");
  REQUIRE(x);
  CHECK(shown(*x) == shown(config{}));
}

TEST_CASE("a mistake is reported with file, line, column and the nearest key [E3]") {
  CHECK(fault_of("log: {}\npols: []\n")
        == "pit.yaml:2:1: unknown key `pols`; did you mean `pools`?");
  CHECK(fault_of("timeouts:\n  call: 5\n")
          .starts_with("pit.yaml:2:9: `timeouts.call`: wanted a duration"));
  CHECK(fault_of("pools:\n  - adapter: a\n    min_ready: 3\n    workers: 2\n")
        == "pit.yaml:3:16: pool `default`: `min_ready` (3) is more than `workers` (2)");
  CHECK(fault_of("defaults:\n  min_ready: 3\npools:\n  - adapter: a\n    workers: 2\n")
        == "pit.yaml:2:14: pool `default`: `min_ready` (3) is more than `workers` (2)");
  CHECK(fault_of("pools:\n  - adapter: a\n  - adapter: b\n")
        == "pit.yaml:3:5: two pools are called `default`");
  CHECK(
    fault_of("pools:\n  - name: x\n").starts_with("pit.yaml:2:5: pool `x`: `adapter` is missing"));
  CHECK(fault_of("pools: [\n").starts_with("pit.yaml:"));
}

TEST_CASE("the environment goes over the file, and may be left out [E3]") {
  auto call = variable{"SNAKEPIT__TIMEOUTS__CALL", "5s"};
  auto workers = variable{"SNAKEPIT__POOLS__first__WORKERS", "9"};
  auto other = variable{"SNAKEPIT_CONFIG", "nonsense: ["};
  auto x = parse_config(full, "pit.yaml");
  REQUIRE(x);
  CHECK(x->timeouts.call == 5s);
  CHECK(x->pools[0].workers == 9u);
  auto without = parse_config(full, "pit.yaml", false);
  REQUIRE(without);
  CHECK(without->timeouts.call == 1500ms);
}

TEST_CASE("a longer variable goes over a shorter one [E3]") {
  auto level = variable{"SNAKEPIT__LOG__LEVEL", "error"};
  auto log = variable{"SNAKEPIT__LOG", "{level: info, format: json}"};
  auto x = parse_config("", "pit.yaml");
  REQUIRE(x);
  CHECK(x->log.level == "error");
  CHECK(x->log.format == "json");
}

TEST_CASE("a wrong variable is named, whatever is wrong with it [E3]") {
  auto fault_with = [](const char* name, const char* value) {
    auto x = variable{name, value};
    return fault_of("");
  };
  CHECK(fault_with("SNAKEPIT__TIMEOUT__CALL", "5s")
        == "environment SNAKEPIT__TIMEOUT__CALL: unknown key `timeout`; did you mean `timeouts`?");
  CHECK(fault_with("SNAKEPIT__LOG__LEVEL", "[").starts_with("environment SNAKEPIT__LOG__LEVEL: "));
  CHECK(fault_with("SNAKEPIT__LOG__LEVEL", "\xff")
        == "environment SNAKEPIT__LOG__LEVEL: this is not UTF-8");
  CHECK(fault_with("SNAKEPIT__LOG__LEVEL", "&x a")
          .starts_with("environment SNAKEPIT__LOG__LEVEL: anchors"));
  CHECK(fault_with("SNAKEPIT__POOLS__a__WORKERS", "1")
          .find(": no pool is called `a`; the configuration has no pools")
        != std::string::npos);
}

TEST_CASE("files are read, and what is none is refused by name [E3]") {
  auto folder = test::temporary_folder{};
  auto file = folder.path() / "pit.yaml";
  write(file, full);
  auto x = load_config(file);
  REQUIRE(x);
  CHECK(x->pools.size() == 2);
  auto fault_of_file = [&](const std::string& name) {
    auto refused = load_config(name);
    REQUIRE(!refused);
    CHECK(refused.error().reason == reason::invalid_config);
    CHECK(refused.error().message.starts_with(name + ": "));
    return refused.error().message.substr(name.size() + 2);
  };
  CHECK(fault_of_file(folder.path() / "none.yaml") == "cannot be read: No such file or directory");
  CHECK(fault_of_file(folder.path()) == "is a folder, not a file");
  // Must not wait for somebody to open the other end.
  auto pipe = folder.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(fault_of_file(pipe) == "is not a regular file");
  CHECK(fault_of_file("/dev/zero") == "is not a regular file");
  write(folder.path() / "huge.yaml", std::string(3 << 20, '#'));
  CHECK(fault_of_file(folder.path() / "huge.yaml").find("is too large") != std::string::npos);
}

TEST_CASE("no file is the built-in configuration and the environment [E3]") {
  auto level = variable{"SNAKEPIT__LOG__LEVEL", "error"};
  auto x = load_config("");
  REQUIRE(x);
  CHECK(x->log.level == "error");
  CHECK(x->pools.empty());
  CHECK(show_config("", true)->find("level: error  # environment SNAKEPIT__LOG__LEVEL\n")
        != std::string::npos);
}

TEST_CASE("the effective configuration is shown with the origin of every value [E3]") {
  auto folder = test::temporary_folder{};
  auto file = folder.path() / "pit.yaml";
  write(file, full);
  auto call = variable{"SNAKEPIT__TIMEOUTS__CALL", "5s"};
  auto text = show_config(file, true);
  REQUIRE(text);
  auto has = [&](const std::string& line) {
    CAPTURE(line);
    CHECK(text->find(line + '\n') != std::string::npos);
  };
  has("  name: prod-1  # " + file.string() + ":2");
  has("  call: 5s  # environment SNAKEPIT__TIMEOUTS__CALL");
  has("  cancel_grace: 2s  # default");
  has("  - name: first  # " + file.string() + ":12");
  has("    workers: 3  # " + file.string() + ":14");
  has("      max_bytes: 1GiB  # " + file.string() + ":10");
  CHECK(show_config(file, false)->find('#') == std::string::npos);
}

TEST_CASE("what is shown reads as the same configuration [E3]") {
  auto folder = test::temporary_folder{};
  auto file = folder.path() / "pit.yaml";
  write(file, full);
  for (auto origins : {false, true}) {
    auto text = show_config(file, origins);
    REQUIRE(text);
    auto again = parse_config(*text, "shown.yaml");
    REQUIRE(again);
    CHECK(shown(*again) == *show_config(file, false));
  }
  CHECK(rc::check("any configuration", [] {
    auto x = any_config();
    auto text = shown(x);
    auto again = parse_config(text, "shown.yaml");
    if (!again)
      RC_FAIL(again.error().message + "\n" + text);
    RC_ASSERT(again->python.env == x.python.env);
    RC_ASSERT(again->python.path == x.python.path);
    RC_ASSERT(again->instance.run_dir == x.instance.run_dir);
    RC_ASSERT(shown(*again) == text);
  }));
}

TEST_SUITE_END();
