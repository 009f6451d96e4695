#include "runtime_fixture.hpp"

#include <algorithm>
#include <mutex>

#include <pwd.h>
#include <sys/resource.h>

using namespace snakepit;
using namespace std::chrono_literals;

/// Limits, faults on purpose and shortage, with real Python workers and the public headers only.

namespace {

struct limits_fixture : runtime_fixture {
  std::mutex mutex;
  std::vector<std::string> log;

  config with(pool_config x) {
    x.workers = x.workers.value_or(1);
    auto all = configuration({std::move(x)});
    all.log.level = "warning";
    all.log.sink = [this](std::string_view line) {
      auto guard = std::lock_guard{mutex};
      log.emplace_back(line);
    };
    return all;
  }
  runtime must_start(pool_config x) {
    auto made = runtime::start(with(std::move(x)));
    REQUIRE_MESSAGE(made, to_string(made.error()));
    return std::move(*made);
  }
  size_t lines_with(const std::string& text) {
    auto guard = std::lock_guard{mutex};
    return static_cast<size_t>(std::count_if(
      log.begin(), log.end(), [&](auto& x) { return x.find(text) != std::string::npos; }));
  }
  pool_config limited(const std::string& spawn) const {
    auto x = pool("p", 1, SNAKEPIT_SOURCE_ROOT "/tests/public/limits.py");
    x.spawn = spawn;
    return x;
  }
};

const auto ways = {"exec", "template"};

} // namespace

TEST_SUITE_BEGIN("limits");

TEST_CASE_FIXTURE(limits_fixture, "too much memory is a MemoryError, and the worker lives [S3]") {
  for (auto way : ways) {
    CAPTURE(way);
    auto x = limited(way);
    x.limits.memory = uint64_t{256} << 20;
    auto uut = must_start(x);
    auto end = uut.execute("allocate", value::map{{"size", int64_t{1} << 30}});
    REQUIRE_FALSE(end);
    CHECK(end.error().reason == reason::python_exception);
    REQUIRE(end.error().python);
    CHECK(end.error().python->type == "MemoryError");
    CHECK(uut.execute("allocate", value::map{{"size", int64_t{1} << 20}}));
    CHECK(uut.stats()[0].worker_starts == 1);
  }
}

TEST_CASE_FIXTURE(limits_fixture,
                  "a worker starts with the least memory that may be configured [S3]") {
  for (auto way : ways) {
    CAPTURE(way);
    auto x = limited(way);
    x.limits.memory = uint64_t{128} << 20;
    x.limits.files = 128;
    auto uut = must_start(x);
    auto end = uut.execute("whoami", value::map{});
    REQUIRE_MESSAGE(end, to_string(end.error()));
    CHECK(end->at("files") == value{128});
  }
}

TEST_CASE_FIXTURE(limits_fixture, "the certificate names the limit of processor time [S3] [W9]") {
  for (auto way : ways) {
    CAPTURE(way);
    auto x = limited(way);
    x.limits.cpu_seconds = 2; // it needs some to start
    auto uut = must_start(x);
    auto end = uut.execute("burn", value::map{});
    REQUIRE_FALSE(end);
    CHECK(end.error().reason == reason::worker_crashed);
    REQUIRE(end.error().certificate);
    CHECK(end.error().certificate->cause == "SIGXCPU");
    CHECK(end.error().message.find("limits.cpu_seconds") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(limits_fixture,
                  "a worker may be another user, and serves like any other [S3] [W3]") {
  auto* nobody = ::getpwnam("nobody");
  REQUIRE(nobody);
  if (::geteuid() != 0) {
    auto x = limited("exec");
    x.limits.user = "nobody";
    auto made = runtime::start(with(x));
    REQUIRE_FALSE(made);
    CHECK(made.error().reason == reason::invalid_config);
    CHECK(made.error().message.find("only root") != std::string::npos);
    return;
  }
  for (auto way : ways) {
    CAPTURE(way);
    auto x = limited(way);
    x.limits.user = "nobody";
    auto uut = must_start(x);
    auto end = uut.execute("whoami", value::map{});
    REQUIRE_MESSAGE(end, to_string(end.error()));
    CHECK(end->at("user") == value{static_cast<int64_t>(nobody->pw_uid)});
    CHECK(end->at("group") == value{static_cast<int64_t>(nobody->pw_gid)});
    CHECK(end->at("home") == value{nobody->pw_dir});
    CHECK(end->at("name") == value{"nobody"});
    CHECK((end->at("parent") == value{static_cast<int64_t>(::getpid())})
          == (std::string{way} == "exec"));
    CHECK(lines_with("by exec") == 0);
    // Not private to the worker alone: what the host sees of it.
    CHECK(uut.stacks("p", 0));
    CHECK(uut.stop());
  }
}

TEST_CASE_FIXTURE(limits_fixture, "a user that does not exist is told at start [S3]") {
  auto x = limited("exec");
  x.limits.user = "no-such-user-here";
  auto made = runtime::start(with(x));
  REQUIRE_FALSE(made);
  CHECK(made.error().reason == reason::invalid_config);
  CHECK(made.error().message.find("no-such-user-here") != std::string::npos);
}

TEST_CASE_FIXTURE(limits_fixture, "a limit above the host's is reduced with a warning [S3]") {
  rlimit host{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &host) == 0);
  auto x = limited("template");
  x.limits.files = host.rlim_max + 1;
  auto uut = must_start(x);
  auto end = uut.execute("whoami", value::map{});
  REQUIRE_MESSAGE(end, to_string(end.error()));
  CHECK(end->at("files") == value{static_cast<int64_t>(host.rlim_max)});
  CHECK(lines_with("limits.files is " + std::to_string(host.rlim_max)) == 1);
}

TEST_CASE_FIXTURE(limits_fixture,
                  "faults on purpose befall calls, and the log says so loudly [F7]") {
  auto x = limited("template");
  x.chaos.faults = {{"exit", "@2"}};
  auto uut = must_start(x);
  CHECK(lines_with("`chaos` is on") == 1);
  CHECK(lines_with("exit @2") == 1);
  CHECK(uut.execute("whoami", value::map{}));
  auto end = uut.execute("whoami", value::map{});
  REQUIRE_FALSE(end);
  CHECK(end.error().reason == reason::worker_crashed);
  REQUIRE(end.error().certificate);
  CHECK(end.error().certificate->cause == "exit 99");
  CHECK(uut.execute("whoami", value::map{})); // the next worker's first
}

TEST_CASE_FIXTURE(limits_fixture, "a start that fails on purpose is tried again [F7] [W10]") {
  auto x = limited("template");
  x.chaos.faults = {{"no_start", "@1"}};
  auto uut = must_start(x);
  REQUIRE(uut.execute("whoami", value::map{}));
  auto stats = uut.stats().at(0);
  CHECK(stats.worker_start_failures == stats.workers_target);
  CHECK(stats.workers.at(0).generation == 2);
}

TEST_CASE_FIXTURE(limits_fixture, "without faults nothing is said of them [F7]") {
  auto uut = must_start(limited("exec"));
  CHECK(uut.execute("whoami", value::map{}));
  CHECK(lines_with("chaos") == 0);
}

TEST_CASE_FIXTURE(limits_fixture, "each fault has its cause [F7] [W9]") {
  struct row {
    std::string fault;
    reason why;
    std::string cause;
  };
  auto rows = std::vector<row>{
    {"kill", reason::worker_crashed, "SIGKILL"},
    {"segv", reason::worker_crashed, "SIGSEGV"},
    {"exit", reason::worker_crashed, "exit 99"},
  };
  for (auto& row : rows) {
    CAPTURE(row.fault);
    auto x = limited("template");
    x.chaos.faults = {{row.fault, "@1"}};
    auto uut = must_start(x);
    auto end = uut.execute("whoami", value::map{});
    REQUIRE_FALSE(end);
    CHECK(end.error().reason == row.why);
    REQUIRE(end.error().certificate);
    CHECK(end.error().certificate->cause == row.cause);
  }
}

TEST_CASE_FIXTURE(limits_fixture,
                  "a call that hangs on purpose ends at its deadline, its worker too [F7]") {
  auto x = limited("template");
  x.chaos.faults = {{"hang", "@2"}};
  auto all = with(x);
  all.timeouts.cancel_grace = 50ms;
  auto uut = runtime::start(std::move(all));
  REQUIRE(uut);
  CHECK(uut->execute("whoami", value::map{}));
  auto options = call_options{};
  options.timeout = 2s;
  auto end = uut->execute("whoami", value::map{}, options);
  REQUIRE_FALSE(end);
  CHECK(end.error().reason == reason::deadline_exceeded);
  CHECK(uut->execute("whoami", value::map{})); // of the next worker
  CHECK(uut->stats()[0].worker_exits == 1);
}

TEST_SUITE_END();
