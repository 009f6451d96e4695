#include "runtime_fixture.hpp"
#include "tests/support/event_ledger.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/pool_load.hpp"
#include "tests/support/temporary_folder.hpp"

#include <cstdlib>
#include <fstream>
#include <future>
#include <set>

using namespace snakepit;
using namespace std::chrono_literals;

/// Pools that get new code while they serve, with real Python.

namespace {

constexpr auto reload_limit = 60s;

struct reloading_fixture : runtime_fixture {
  test::temporary_folder folder;
  test::event_ledger ledger;
  pool_config cfg = pool("default", 3, (folder.path() / "code.py").string());

  reloading_fixture() {
    write_version(1);
    cfg.spawn = "template"; // which has the old code
    cfg.preload = {"adapter"};
    cfg.restart.backoff = {0ms};
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream{folder.path() / name} << text;
  }

  /// Of another size each time: by that and the second Python knows whether what it compiled is
  /// stale.
  void write_version(int x) {
    write("code.py", R"(
import os
import time
def version():
    return )" + std::to_string(x)
                       + R"(
def version_of():
    return {'version': version(), 'pid': os.getpid()}
def work(seconds: float):
    time.sleep(seconds)
    return os.getpid()
def parent():
    return os.getppid()
)" + std::string(static_cast<size_t>(x), '\n'));
  }

  config all() {
    auto x = configuration({cfg});
    x.events.sink = [this](const event& e) { ledger.take(e); };
    return x;
  }

  runtime start_all() {
    auto made = runtime::start(all());
    REQUIRE_MESSAGE(made, to_string(made.error()));
    REQUIRE(made->await_started({}, reload_limit));
    return std::move(*made);
  }

  /// What all workers say, asked until each that is ready has said something.
  std::set<int64_t> versions(runtime& x) {
    auto out = std::set<int64_t>{};
    auto asked = std::set<int64_t>{};
    for (int i = 0; i < 1000 && asked.size() < *cfg.workers; ++i) {
      auto said = x.execute("version_of", value{value::map{}});
      REQUIRE_MESSAGE(said, to_string(said.error()));
      asked.insert(*said->at("pid").get_if<int64_t>());
      out.insert(*said->at("version").get_if<int64_t>());
    }
    CHECK(asked.size() >= *cfg.workers);
    return out;
  }

  reload_report only(const result<reload_summary>& x) {
    REQUIRE_MESSAGE(x, to_string(x.error()));
    REQUIRE(x->pools.size() == 1);
    return x->pools[0];
  }
};

/// Reloads in the longest test: SNAKEPIT_RELOADS=n, else 5.
int reloads_wanted() {
  auto* text = std::getenv("SNAKEPIT_RELOADS");
  return text ? std::atoi(text) : 5;
}

} // namespace

TEST_SUITE_BEGIN("reload of real workers");

TEST_CASE_FIXTURE(reloading_fixture,
                  "5 reloads under load cost no call and no capacity [RL-5, L5]") {
  auto uut = start_all();
  CHECK(versions(uut) == std::set<int64_t>{1});
  auto load = pool_load{uut, 4, "work", value{{"seconds", 0.002}}};
  for (int i = 2; i < reloads_wanted() + 2; ++i) {
    write_version(i);
    auto done = only(uut.reload());
    CHECK_MESSAGE(!done.failure, to_string(*done.failure));
    CHECK(done.revision == static_cast<uint32_t>(i));
    CHECK(done.replaced == 3);
    CHECK(versions(uut) == std::set<int64_t>{i});
  }
  load.end();
  CHECK_MESSAGE(load.failures.empty(), load.failures.front());
  CHECK(load.calls > 100);
  CHECK(load.lowest() == 3);
  MESSAGE(load.calls << " calls, " << load.pids.size() << " workers");
  CHECK(uut.stats().at(0).worker_exits == 0);
  CHECK(uut.stats().at(0).revision == static_cast<uint32_t>(reloads_wanted() + 1));
  CHECK(ledger.count(event_kind::reload_done) == static_cast<size_t>(reloads_wanted()));
  for (auto& x : uut.deaths())
    CHECK(x.certificate->cause == "ended by us: recycle (reload)");
}

TEST_CASE_FIXTURE(reloading_fixture,
                  "an adapter that cannot be imported leaves the old one serving [L5]") {
  auto uut = start_all();
  auto load = pool_load{uut, 2, "work", value{{"seconds", 0.002}}};
  write("code.py", "import no_such_library\n");
  auto back = only(uut.reload());
  REQUIRE(back.failure);
  CHECK(to_string(*back.failure).find("No module named 'no_such_library'") != std::string::npos);
  CHECK(back.revision == 1);
  CHECK(versions(uut) == std::set<int64_t>{1});
  write("code.py", "def version(:\n");
  back = only(uut.reload());
  REQUIRE(back.failure);
  CHECK(to_string(*back.failure).find("invalid syntax") != std::string::npos);
  CHECK(versions(uut) == std::set<int64_t>{1});
  write_version(7);
  auto done = only(uut.reload());
  CHECK(!done.failure);
  CHECK(versions(uut) == std::set<int64_t>{7});
  load.end();
  CHECK_MESSAGE(load.failures.empty(), load.failures.front());
  CHECK(load.lowest() == 3);
  CHECK(ledger.count(event_kind::reload_rolled_back) == 2);
}

TEST_CASE_FIXTURE(reloading_fixture, "a long call ends on the worker that has it [L5, L2]") {
  cfg.workers = 1;
  auto uut = start_all();
  auto before = uut.execute("work", value{{"seconds", 0.0}});
  auto call = uut.execute_async("work", value{{"seconds", 1.5}});
  REQUIRE(test::eventually(reload_limit, [&] { return uut.stats().at(0).busy == 1; }));
  write_version(2);
  auto done = only(uut.reload());
  CHECK(!done.failure);
  CHECK(versions(uut) == std::set<int64_t>{2});
  auto end = call.future.get();
  REQUIRE_MESSAGE(end, to_string(end.error()));
  CHECK(*end == *before);
}

TEST_CASE_FIXTURE(reloading_fixture, "a new configuration is taken over as far as can be [L5]") {
  auto uut = start_all();
  write("other.py", "import os\ndef version_of():\n    return {'version': "
                    "int(os.environ['VERSION']), 'pid': os.getpid()}\n");
  auto wanted = all();
  wanted.pools[0].adapter = (folder.path() / "other.py").string();
  wanted.pools[0].workers = 5;
  wanted.python.env["VERSION"] = "9";
  auto done = uut.reload_with(wanted);
  CHECK(!only(done).failure);
  CHECK(done->needs_restart == std::vector<std::string>{"pools.default.workers"});
  CHECK(versions(uut) == std::set<int64_t>{9});
  CHECK(uut.stats().at(0).workers_ready == 3);
  // It stays for those that come later; one that is rolled back does not.
  wanted.pools[0].adapter = "no.such.module";
  CHECK(only(uut.reload_with(wanted)).failure);
  CHECK(!only(uut.reload()).failure);
  CHECK(versions(uut) == std::set<int64_t>{9});
  wanted.pools[0].adapter.clear();
  auto bad = uut.reload_with(wanted);
  REQUIRE(!bad);
  CHECK(bad.error().reason == reason::invalid_config);
  auto nobody = uut.reload("nobody");
  REQUIRE(!nobody);
  CHECK(nobody.error().reason == reason::pool_not_found);
}

TEST_CASE_FIXTURE(reloading_fixture, "executed workers are reloaded, too [L5]") {
  cfg.spawn = "exec";
  cfg.workers = 2;
  auto uut = start_all();
  write_version(2);
  CHECK(!only(uut.reload("default")).failure);
  CHECK(versions(uut) == std::set<int64_t>{2});
}

TEST_CASE_FIXTURE(reloading_fixture,
                  "first start, restart, replacement and reload are made of the same [L3]") {
  write("code.py", R"(
import os
import resource
def made_of():
    environment = {k: v for k, v in os.environ.items() if k != 'SNAKEPIT_SOCKET'}
    limits = [resource.getrlimit(x) for x in (resource.RLIMIT_NOFILE, resource.RLIMIT_DATA, resource.RLIMIT_CORE)]
    return repr((environment, limits, os.getpriority(os.PRIO_PROCESS, 0), os.getcwd(), os.getuid()))
def crash():
    os._exit(3)
)");
  cfg.workers = 1;
  cfg.limits.files = 200;
  cfg.limits.memory = uint64_t{1} << 30;
  cfg.limits.nice = 3;
  SUBCASE("by a template") {}
  SUBCASE("by exec") {
    cfg.spawn = "exec";
  }
  auto uut = start_all();
  auto made_of = [&] {
    auto x = uut.execute("made_of", value{value::map{}});
    REQUIRE_MESSAGE(x, to_string(x.error()));
    return *x->get_if<std::string>();
  };
  auto first = made_of();
  CHECK(first.find("SNAKEPIT_RUN_ID") != std::string::npos);
  CHECK(!uut.execute("crash", value{value::map{}}));
  CHECK(made_of() == first);
  REQUIRE(uut.await_started({}, reload_limit));
  CHECK(uut.recycle("default", 0));
  CHECK(made_of() == first);
  CHECK(!only(uut.reload()).failure);
  CHECK(made_of() == first);
  CHECK(uut.stats().at(0).workers.back().generation == 4);
}

TEST_CASE_FIXTURE(reloading_fixture, "the old template is gone when its last worker is [L5]") {
  cfg.workers = 1;
  auto uut = start_all();
  auto parent = [&] { return uut.execute("parent", value{value::map{}}).value(); };
  auto is_there = [](const value& pid) {
    return std::filesystem::exists("/proc/" + std::to_string(*pid.get_if<int64_t>()));
  };
  auto before = parent();
  CHECK(is_there(before));
  write_version(2);
  CHECK(!only(uut.reload()).failure);
  auto after = parent();
  CHECK(after != before);
  CHECK(test::eventually(reload_limit, [&] { return !is_there(before); }));
  CHECK(is_there(after));
}

TEST_CASE_FIXTURE(reloading_fixture, "a stop during a reload answers it [L5, R7]") {
  write("code.py", "import time\ntime.sleep(0.5)\ndef version():\n    return 1\n");
  auto uut = start_all();
  auto answered = std::make_shared<std::promise<result<reload_summary>>>();
  uut.reload({}, [answered](auto x) { answered->set_value(std::move(x)); });
  CHECK(uut.stop());
  auto end = answered->get_future().get();
  REQUIRE(end);
  CHECK(end->pools.at(0).failure);
  auto late = uut.reload();
  REQUIRE(!late);
  CHECK(late.error().reason == reason::draining);
}

TEST_SUITE_END();
