#include "runtime_fixture.hpp"
#include "tests/support/event_ledger.hpp"
#include "tests/support/eventually.hpp"

#include <snakepit/cleanup.hpp>

#include <csignal>
#include <fstream>

#include <spawn.h>
#include <sys/wait.h>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

struct ledger_fixture : runtime_fixture {
  test::event_ledger told;

  config watched() {
    auto x = configuration({pool("default", 1)});
    x.instance.name = "test-" + std::to_string(::getpid());
    x.events.sink = [this](const event& e) { told.take(e); };
    return x;
  }

  /// Of a worker.
  static std::string variable(runtime& uut, const std::string& name) {
    auto got = uut.execute("environment", value{{"name", name}}).value();
    REQUIRE(got.get_if<std::string>());
    return *got.get_if<std::string>();
  }

  /// Waits until events have reached the sink.
  bool comes(event_kind x) {
    return test::eventually(20s, [&] { return told.count(x) > 0; });
  }
};

/// A process with some variables; ended at the end.
class left_behind {
public:
  explicit left_behind(std::vector<std::string> environment) {
    auto words = std::vector<char*>{};
    for (auto& x : environment)
      words.push_back(x.data());
    words.push_back(nullptr);
    auto program = std::string{"/bin/sleep"}, time = std::string{"1000"};
    char* arguments[] = {program.data(), time.data(), nullptr};
    REQUIRE(::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments, words.data()) == 0);
    // For a moment of an exec there is no environment to be read.
    auto path = "/proc/" + std::to_string(pid_) + "/environ";
    REQUIRE(test::eventually(20s, [&] { return std::ifstream{path}.peek() != EOF; }));
  }
  ~left_behind() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  std::string pid() const {
    return std::to_string(pid_);
  }

private:
  pid_t pid_ = 0;
};

} // namespace

TEST_SUITE_BEGIN("ledger of a runtime");

TEST_CASE_FIXTURE(ledger_fixture, "workers have the marks of their run, instance and host [R1]") {
  auto cfg = watched();
  cfg.instance.id = "blue";
  auto uut = runtime::start(cfg);
  REQUIRE_MESSAGE(uut, to_string(uut.error()));
  CHECK(variable(*uut, "SNAKEPIT_RUN_ID") == uut->run_id());
  CHECK(variable(*uut, "SNAKEPIT_INSTANCE") == cfg.instance.name + "+blue");
  auto host = variable(*uut, "SNAKEPIT_HOST");
  CHECK(host.starts_with(std::to_string(::getpid()) + ":"));
  CHECK(uut->ledger_trouble().empty());
}

TEST_CASE_FIXTURE(ledger_fixture, "what a dead run has left is ended at a start, and told [R4]") {
  auto cfg = watched();
  auto host = std::string{};
  {
    auto uut = runtime::start(cfg);
    REQUIRE(uut);
    host = variable(*uut, "SNAKEPIT_HOST");
  }
  told.clear();
  auto place = host.substr(host.find(':', host.find(':') + 1));
  auto left = left_behind{{"SNAKEPIT_RUN_ID=r", "SNAKEPIT_INSTANCE=" + cfg.instance.name,
                           "SNAKEPIT_HOST=" + std::to_string(::getpid()) + ":1" + place}};
  auto dry = cleanup(cfg, true);
  REQUIRE(dry);
  REQUIRE(dry->orphans.size() == 1);
  CHECK(dry->orphans[0].command == "/bin/sleep 1000");
  CHECK(dry->orphans[0].how == orphan::end::none);
  auto uut = runtime::start(cfg);
  REQUIRE(uut);
  REQUIRE(comes(event_kind::cleanup_done));
  REQUIRE(told.count(event_kind::orphan_killed) == 1);
  CHECK(told.count(event_kind::cleanup_begun) == 1);
  CHECK(told.count(event_kind::cleanup_survivors) == 0);
  CHECK(told.of(event_kind::orphan_found)[0].text("by") == "marker");
  auto killed = told.of(event_kind::orphan_killed)[0];
  CHECK(killed.text("pid") == left.pid());
  CHECK(killed.text("run") == "r");
  CHECK(killed.text("signal") == "SIGTERM");
  CHECK(told.of(event_kind::cleanup_done)[0].number("killed") == 1);
  CHECK(told.of(event_kind::cleanup_done)[0].pool.empty());
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "of an exclusive instance there is one, in this program too [R2]") {
  auto cfg = watched();
  cfg.instance.id = "blue";
  auto first = runtime::start(cfg);
  REQUIRE(first);
  auto second = runtime::start(cfg);
  REQUIRE(!second);
  CHECK(second.error().reason == reason::unavailable);
  CHECK(second.error().details.at("run") == first->run_id());
  CHECK(second.error().details.at("pid") == std::to_string(::getpid()));
  REQUIRE(first->stop());
  CHECK(runtime::start(cfg));
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "without a disk calls go on; with it the ledger is back [RL-11]") {
  auto cfg = watched();
  auto in_the_way = state_dir / "x";
  std::ofstream{in_the_way} << "a file";
  cfg.instance.state_dir = in_the_way / "state";
  auto uut = runtime::start(cfg);
  REQUIRE(uut);
  REQUIRE(uut->await_ready());
  CHECK(uut->execute("add", value{{"a", 1}, {"b", 2}}).value() == value{3});
  REQUIRE(comes(event_kind::ledger_degraded));
  CHECK(uut->ledger_trouble().find(cfg.instance.state_dir) != std::string::npos);
  CHECK(!uut->execute("die", value{value::map{}}));
  REQUIRE(uut->await_started());
  std::filesystem::remove(in_the_way);
  REQUIRE(comes(event_kind::ledger_recovered));
  CHECK(uut->ledger_trouble().empty());
  CHECK(std::filesystem::exists(cfg.instance.state_dir));
  REQUIRE(uut->stop());
  CHECK(std::filesystem::is_empty(cfg.instance.state_dir));
  std::filesystem::remove_all(in_the_way);
}

TEST_SUITE_END();
