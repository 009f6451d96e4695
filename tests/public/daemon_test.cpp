#include "tests/public/runtime_fixture.hpp"

#include "tests/support/eventually.hpp"

#include <snakepit/daemon.hpp>

#include <atomic>
#include <mutex>
#include <set>

#include <sys/stat.h>

using namespace snakepit;
using namespace std::chrono_literals;

namespace {

std::string path_of(const pool_daemon& x) {
  return x.address().substr(std::string{"unix:"}.size());
}

} // namespace

TEST_SUITE_BEGIN("public daemon");

TEST_CASE_FIXTURE(runtime_fixture, "a recycled worker is another one, and no call fails [L2]") {
  auto uut = start({pool("default", 2)});
  REQUIRE(uut.await_started());
  auto pids = [&] {
    auto out = std::set<int64_t>{};
    for (int i = 0; i < 20; ++i)
      out.insert(uut.execute("pid", value{value::map{}})->as<int64_t>());
    return out;
  };
  auto before = pids();
  auto failed = std::atomic<int>{0};
  auto done = std::atomic<int>{0};
  auto args = [](int n) {
    auto out = std::vector<arguments>{};
    for (int i = 0; i < n; ++i)
      out.emplace_back(value{{"seconds", 0.001}});
    return out;
  };
  constexpr int calls = 800;
  uut.submit_many("sleep", args(calls), {}, [&](size_t, outcome x) {
    failed += !x;
    ++done;
  });
  for (uint32_t slot : {0u, 1u, 0u}) {
    auto ok = uut.recycle("default", slot);
    CHECK_MESSAGE(ok, to_string(ok.error()));
    CHECK(uut.stats()[0].workers_ready == 2);
  }
  CHECK(test::eventually(60s, [&] { return done == calls; }));
  CHECK(failed == 0);
  for (auto pid : pids())
    CHECK(!before.contains(pid));
  CHECK(test::eventually(20s, [&] { return uut.deaths().size() == 3; }));
  auto by_itself = 0;
  for (auto& x : uut.deaths()) {
    CHECK(x.certificate->ended_by_us == "recycle");
    by_itself += x.certificate->exit_code == 0 ? 1 : 0;
    CHECK(std::chrono::system_clock::now() - x.at < 1min);
  }
  CHECK(by_itself >= 2); // one that gets no processor for two seconds is killed
  CHECK(uut.deaths(1).at(0).certificate->id == uut.run_id() + "/default/0.2");
  CHECK(uut.stats()[0].worker_exits == 0);
}

TEST_CASE_FIXTURE(runtime_fixture, "what cannot be recycled says why [L1]") {
  auto uut = start({pool("default", 1)});
  CHECK(uut.recycle("nothing", 0).error().reason == reason::pool_not_found);
  CHECK(uut.recycle("default", 1).error().reason == reason::invalid_argument);
  REQUIRE(uut.await_ready());
  uut.stop();
  CHECK(uut.recycle("default", 0).error().reason == reason::unavailable);
}

TEST_CASE_FIXTURE(runtime_fixture, "the log's level can be changed at any time [E4]") {
  auto cfg = configuration({pool("default", 1)});
  auto mutex = std::mutex{};
  auto lines = std::string{};
  cfg.log.level = "error";
  cfg.log.sink = [&](std::string_view x) {
    auto guard = std::lock_guard{mutex};
    lines += x;
  };
  auto uut = runtime::start(std::move(cfg));
  REQUIRE(uut);
  REQUIRE(uut->await_ready());
  auto bad = uut->set_log_level("loud");
  CHECK(bad.error().reason == reason::invalid_argument);
  CHECK(bad.error().message.find("loud") != std::string::npos);
  CHECK(uut->set_log_level("info", "pool"));
  REQUIRE(uut->recycle("default", 0));
  auto guard = std::lock_guard{mutex};
  CHECK(lines.find("worker ready") != std::string::npos);
}

TEST_CASE_FIXTURE(runtime_fixture, "a daemon has a socket of its own, one or the other way [S1]") {
  auto cfg = configuration({pool("default", 1)});
  cfg.instance.name = "here";
  cfg.instance.id = "7";
  auto expected = "unix:" + run_dir.string() + "/here.7.sock";
  CHECK(daemon_address(cfg) == expected);
  auto uut = pool_daemon::start(cfg);
  REQUIRE_MESSAGE(uut, to_string(uut.error()));
  CHECK(uut->address() == expected);
  struct stat about {};
  REQUIRE(lstat(path_of(*uut).c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  auto second = pool_daemon::start(cfg);
  REQUIRE(!second);
  CHECK(second.error().details.at("pid") == std::to_string(getpid()));
  auto other = cfg;
  other.instance.id.clear(); // one instance has one run at a time
  auto apart = pool_daemon::start(other, {.private_socket = true, .adopts_orphans = false});
  REQUIRE_MESSAGE(apart, to_string(apart.error()));
  CHECK(apart->address() != expected);
  CHECK(apart->pools().execute("add", value{{"a", 1}, {"b", 2}}) == value{3});
  CHECK(apart->stop());
  CHECK(!std::filesystem::exists(path_of(*apart)));
  CHECK(uut->pools().execute("add", value{{"a", 2}, {"b", 2}}) == value{4});
  CHECK(uut->stop(0s));
  CHECK(!std::filesystem::exists(path_of(*uut)));
  CHECK(uut->stop()); // again is the same
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "what a daemon cannot be started with is said, and nothing stays [E3]") {
  CHECK(pool_daemon::start(configuration({})).error().reason == reason::invalid_config);
  auto cfg = configuration({pool("default", 1)});
  cfg.instance.run_dir = run_dir.string() + "/" + std::string(60, 'x');
  cfg.instance.id = std::string(60, 'y');
  auto none = pool_daemon::start(cfg);
  REQUIRE(!none);
  CHECK(none.error().message.find("instance.run_dir") != std::string::npos);
  std::filesystem::remove(cfg.instance.run_dir);
}

TEST_SUITE_END();
