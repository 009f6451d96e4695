#include "telemetry/log.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace snakepit;
using namespace snakepit::telemetry;

namespace {

/// A log whose lines are kept.
struct captured {
  explicit captured(const log_config& cfg) {
    auto opened = telemetry::log::open(cfg, [this](std::string_view line) {
      auto lock = std::lock_guard{mutex};
      lines.emplace_back(line);
    });
    REQUIRE(opened);
    uut = *opened;
  }

  /// The lines since the last time, without their times.
  std::vector<std::string> take() {
    auto lock = std::lock_guard{mutex};
    for (auto& line : lines)
      line = line.substr(line.find(' ') + 1);
    return std::exchange(lines, {});
  }

  std::mutex mutex;
  std::vector<std::string> lines;
  std::shared_ptr<telemetry::log> uut;
};

using lines = std::vector<std::string>;

} // namespace

TEST_SUITE_BEGIN("log");

TEST_CASE("levels have the words of the configuration [T5]") {
  for (auto x : {level::trace, level::debug, level::info, level::warning, level::error, level::off})
    CHECK(parse_level(to_string(x)) == x);
  CHECK(to_string(level::warning) == "warning");
  CHECK(!parse_level("warn"));
  CHECK(!parse_level(""));
}

TEST_CASE("messages below the level are not written [T5]") {
  auto log = captured{{.level = "info"}};
  log.uut->write(level::debug, "pool", "no");
  log.uut->write(level::info, "pool", "yes", {{"slot", 3}});
  log.uut->write(level::error, "pool", "too");
  log.uut->write(level::off, "pool", "never");
  CHECK(log.take() == lines{"info pool yes slot=3", "error pool too"});
  CHECK(!log.uut->enabled(level::debug, "pool"));
  CHECK(log.uut->enabled(level::info, "pool"));
  CHECK(!log.uut->enabled(level::off, "pool"));
}

TEST_CASE("a log that is off writes nothing [T5]") {
  auto log = captured{{.level = "off", .worker_output = "error"}};
  log.uut->write(level::error, "pool", "no");
  log.uut->worker_output("p", 0, 0, 1, true, "no");
  CHECK(log.take().empty());
}

TEST_CASE("a category may have a level of its own, and parts of it follow [T5]") {
  auto cfg = log_config{.level = "warning"};
  cfg.categories = {{"pool", "debug"}, {"pool.queue", "error"}, {"noise", "off"}};
  auto log = captured{cfg};
  for (auto category : {"pool", "pool.start", "pool.queue", "worker", "poolside", "noise"}) {
    log.uut->write(level::debug, category, "debug");
    log.uut->write(level::error, category, "error");
  }
  CHECK(log.take()
        == lines{"debug pool debug", "error pool error", "debug pool.start debug",
                 "error pool.start error", "error pool.queue error", "error worker error",
                 "error poolside error"});
}

TEST_CASE("levels change at run time [T5]") {
  auto log = captured{{.level = "warning"}};
  CHECK(!log.uut->enabled(level::debug, "pool"));
  log.uut->set_level("pool", level::trace);
  CHECK(log.uut->enabled(level::trace, "pool"));
  CHECK(!log.uut->enabled(level::info, "worker"));
  log.uut->set_level(level::off);
  CHECK(!log.uut->enabled(level::error, "worker"));
  CHECK(log.uut->enabled(level::trace, "pool"));
  log.uut->set_level("pool", level::error);
  CHECK(!log.uut->enabled(level::warning, "pool"));
  CHECK(log.uut->level_of("pool.queue") == level::error);
  CHECK(log.uut->level_of("worker") == level::off);
}

TEST_CASE("workers' lines have a level and a place of their own [W8]") {
  auto log = captured{{.level = "info", .worker_output = "info"}};
  log.uut->worker_output("default", 3, 1, 4711, true, "\x1b[31mloading pool=other\xff");
  CHECK(log.take()
        == lines{"info output pool=default slot=3 generation=1 pid=4711 stream=stderr: "
                 "\\x1b[31mloading pool=other\\xff"});
  log.uut->set_worker_output(level::debug);
  log.uut->worker_output("default", 3, 1, 4711, false, "hidden");
  log.uut->set_level("output", level::debug);
  log.uut->worker_output("default", 3, 1, 4711, false, "shown");
  log.uut->set_worker_output(level::off);
  log.uut->worker_output("default", 3, 1, 4711, false, "off");
  CHECK(log.take()
        == lines{"debug output pool=default slot=3 generation=1 pid=4711 stream=stdout: shown"});
}

TEST_CASE("workers' lines are redacted and cut, in JSON, too [S4] [W8]") {
  auto log = captured{{.level = "info", .format = "json"}};
  log.uut->worker_output("default", 3, 1, 4711, false, "connecting with password=hunter2");
  log.uut->worker_output("default", 3, 1, 4711, false, std::string(1'000'000, 'x'));
  REQUIRE(log.lines.size() == 2);
  auto x = nlohmann::json::parse(log.lines[0]);
  CHECK(x["message"] == "connecting with password=[redacted]");
  CHECK(x["category"] == "output");
  CHECK(x["pool"] == "default");
  CHECK(x["slot"] == 3);
  CHECK(x["generation"] == 1);
  CHECK(x["pid"] == 4711);
  CHECK(x["stream"] == "stdout");
  CHECK(log.lines[1].size() < 2 * telemetry::log::longest_text);
}

TEST_CASE("words that are none are invalid_config [E3]") {
  auto refused = [](const log_config& cfg) {
    auto x = telemetry::log::open(cfg);
    REQUIRE(!x);
    CHECK(x.error().reason == reason::invalid_config);
    return x.error().message;
  };
  CHECK(refused({.level = "loud"}).starts_with("log.level: "));
  CHECK(refused({.format = "xml"}).starts_with("log.format: "));
  CHECK(refused({.worker_output = ""}).starts_with("log.worker_output: "));
  CHECK(refused({.categories = {{"pool", "loud"}}}).starts_with("log.categories: "));
}

TEST_CASE("a function that fails loses its line and nothing else [T5]") {
  auto fail = true;
  auto got = lines{};
  auto log = telemetry::log::open({}, [&](std::string_view line) {
    if (fail)
      throw 42;
    got.emplace_back(line);
  });
  REQUIRE(log);
  (*log)->write(level::error, "pool", "lost");
  CHECK((*log)->dropped() == 1);
  fail = false;
  (*log)->write(level::error, "pool", "kept");
  CHECK(got.size() == 1);
  CHECK((*log)->dropped() == 1);
}

TEST_CASE("two logs in one process share nothing, not even with spdlog's own [E1]") {
  auto count = [] {
    auto result = 0;
    spdlog::apply_all([&](const std::shared_ptr<spdlog::logger>&) { ++result; });
    return result;
  };
  auto before = count();
  auto a = captured{{.level = "trace"}};
  auto b = captured{{.level = "error"}};
  spdlog::set_level(spdlog::level::off);
  a.uut->write(level::trace, "pool", "a");
  b.uut->write(level::info, "pool", "no");
  b.uut->write(level::error, "pool", "b");
  spdlog::set_level(spdlog::level::info);
  CHECK(a.take() == lines{"trace pool a"});
  CHECK(b.take() == lines{"error pool b"});
  CHECK(count() == before);
}

TEST_CASE("a program gets the lines of workers whatever the log's level is [W8]") {
  auto got = lines{};
  auto cfg = log_config{.level = "off"};
  cfg.output_sink = [&](const worker_line& x) {
    got.push_back(std::string{x.pool} + '/' + std::to_string(x.slot) + '.'
                  + std::to_string(x.generation) + (x.is_stderr ? " err " : " out ")
                  + std::string{x.text});
  };
  auto log = captured{cfg};
  log.uut->worker_output("p", 1, 2, 77, false, "hello");
  log.uut->worker_output("p", 1, 2, 77, true, "\x1b[2J password=hunter2");
  CHECK(got == lines{"p/1.2 out hello", "p/1.2 err \\x1b[2J password=[redacted]"});
  CHECK(log.take().empty());
}

TEST_CASE("many threads write and change levels at once, and no line is lost or torn [T5]") {
  auto log = captured{{.level = "info"}};
  auto threads = std::vector<std::thread>{};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        log.uut->write(level::error, "pool", "message", {{"thread", t}, {"i", i}});
        log.uut->set_level("pool", i % 2 == 0 ? level::trace : level::error);
        log.uut->set_level(i % 3 == 0 ? level::off : level::info);
      }
    });
  for (auto& thread : threads)
    thread.join();
  auto got = log.take();
  CHECK(got.size() == 2000);
  std::sort(got.begin(), got.end());
  CHECK(std::unique(got.begin(), got.end()) == got.end());
  CHECK(std::all_of(got.begin(), got.end(),
                    [](auto& x) { return x.starts_with("error pool message thread="); }));
}

TEST_SUITE_END();
