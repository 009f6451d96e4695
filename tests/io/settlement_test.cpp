#include "actors/io/settlement.hpp"

#include "actors/io/killer.hpp"
#include "actors/io/ledger.hpp"
#include "actors/io/ledger_file.hpp"
#include "tests/support/stray.hpp"

#include <sys/resource.h>

using namespace snakepit;
using namespace snakepit::test;
namespace fs = std::filesystem;

namespace {

/// A dead run of an instance that nobody else has, and what it has left.
struct settlement_fixture {
  temporary_folder folder;
  std::string name = "test-" + io::make_run_id();
  std::string run = io::make_run_id();
  core::host_identity host = dead_host();
  io::ledger_place place{folder.path() / "state", name, ""};
  core::settler self = io::own_settler(name);

  void leave(const std::vector<core::ledger_row>& rows) const {
    auto done = std::promise<result<void>>{};
    auto ledger = io::sqlite_ledger::make(place, {run, host, self.boot_id}).value();
    REQUIRE(ledger->open(patience));
    ledger->write(rows, [&](result<void> x) { done.set_value(std::move(x)); });
    REQUIRE(done.get_future().get());
  }

  static core::ledger_row row(uint64_t id, const core::process_identity& who) {
    return core::reserved_entry{id, {"p", 0, 1}}.activate(who).row();
  }

  stray marked(const std::string& script, bool session = true) const {
    return stray{script, {environment_of({run, name, host}), session, 0}};
  }

  cleanup_report settle(bool dry_run = false) const {
    return io::settle(place, self, nullptr, dry_run);
  }

  bool is_empty() const {
    return fs::is_empty(place.folder);
  }

  static const orphan& find(const cleanup_report& x, pid_t pid) {
    auto i =
      std::find_if(x.orphans.begin(), x.orphans.end(), [&](auto& o) { return o.pid == pid; });
    REQUIRE(i != x.orphans.end());
    return *i;
  }
};

constexpr auto deaf = "trap '' TERM; exec sleep 100";

} // namespace

TEST_SUITE_BEGIN("settlement");

TEST_CASE_FIXTURE(settlement_fixture,
                  "what a dead run's ledger names is ended and forgotten [R3]") {
  auto worker = stray{"exec sleep 100"};
  auto stranger = stray{"exec sleep 100"};
  auto reused = stranger.identity();
  --reused.start_time; // the number was a worker's once
  leave({row(1, worker.identity()), row(2, reused), core::reserved_entry{3, {}}.row()});
  auto got = settle();
  CHECK(got.ledgers == 1);
  CHECK(got.troubles.empty());
  REQUIRE(got.orphans.size() == 1);
  CHECK(got.orphans[0].pid == worker.pid());
  CHECK(got.orphans[0].by == "ledger");
  CHECK(got.orphans[0].run == run);
  CHECK(got.orphans[0].how == orphan::end::terminated);
  CHECK(got.orphans[0].command == "sleep 100");
  CHECK(!worker.lives());
  CHECK(stranger.lives());
  CHECK(is_empty());
  CHECK(settle().ledgers == 0);
}

TEST_CASE_FIXTURE(settlement_fixture, "one that is deaf to SIGTERM is killed, group and all [R6]") {
  auto worker = stray{deaf, {{}, false, 0}};
  auto member = stray{deaf, {{}, false, worker.pid()}};
  leave({row(1, worker.identity())});
  auto got = settle();
  CHECK(find(got, worker.pid()).how == orphan::end::killed);
  CHECK(find(got, member.pid()).how == orphan::end::killed);
  CHECK(!worker.lives());
  CHECK(!member.lives());
  CHECK(is_empty());
}

TEST_CASE_FIXTURE(settlement_fixture, "a stopped process is ended, too [R6]") {
  auto worker = stray{"exec sleep 100"};
  REQUIRE(::kill(worker.pid(), SIGSTOP) == 0);
  leave({row(1, worker.identity())});
  CHECK(find(settle(), worker.pid()).how == orphan::end::terminated);
  CHECK(!worker.lives());
}

TEST_CASE_FIXTURE(settlement_fixture, "the mark of a dead run is enough, without any ledger [R4]") {
  auto left = marked("exec sleep 100");
  auto before = settle(true);
  REQUIRE(before.orphans.size() == 1);
  CHECK(before.orphans[0].pid == left.pid());
  CHECK(before.orphans[0].how == orphan::end::none);
  CHECK(left.lives()); // it was a dry run
  CHECK(find(settle(), left.pid()).by == "marker");
  CHECK(!left.lives());
}

TEST_CASE_FIXTURE(settlement_fixture, "a dry run ends nothing and removes nothing [R4]") {
  auto worker = stray{"exec sleep 100"};
  leave({row(1, worker.identity())});
  auto got = settle(true);
  CHECK(got.ledgers == 1);
  REQUIRE(got.orphans.size() == 1);
  CHECK(worker.lives());
  CHECK(io::ledger_file::read(place.stem(run)).value().rows.size() == 1);
}

TEST_CASE_FIXTURE(settlement_fixture,
                  "a live run is left alone, by its lock and by its host [R3]") {
  auto worker = stray{"exec sleep 100"};
  host = io::own_host();
  auto left = marked("exec sleep 100");
  auto done = std::promise<result<void>>{};
  auto ledger = io::sqlite_ledger::make(place, {run, host, self.boot_id}).value();
  REQUIRE(ledger->open(patience));
  ledger->write({row(1, worker.identity())}, [&](auto x) { done.set_value(std::move(x)); });
  REQUIRE(done.get_future().get());
  CHECK(settle().ledgers == 0);
  ledger = nullptr; // it has lost its lock, which must not happen
  auto got = settle();
  CHECK(got.ledgers == 1);
  CHECK(got.orphans.empty());
  CHECK(worker.lives());
  CHECK(left.lives());
  CHECK(!is_empty());
}

TEST_CASE_FIXTURE(settlement_fixture, "what is being ended may start others: they end, too [R3]") {
  auto worker =
    marked("trap 'setsid sleep 100 & sleep 0.1; exit' TERM; while :; do sleep 0.01; done");
  settle();
  CHECK(!worker.lives());
  CHECK(processes_of_run(run).empty());
}

TEST_CASE_FIXTURE(settlement_fixture,
                  "a broken ledger is set aside, and the marks still count [R2]") {
  leave({});
  auto left = marked("exec sleep 100");
  std::ofstream{place.stem(run) + ".db", std::ios::trunc} << std::string(5000, 'x');
  auto got = settle();
  REQUIRE(got.troubles.size() == 1);
  CHECK(got.troubles[0].find("corrupt-1") != std::string::npos);
  CHECK(!left.lives());
  CHECK(fs::exists(place.stem(run) + ".corrupt-1"));
  CHECK(!fs::exists(place.stem(run) + ".lock"));
  CHECK(settle().troubles.empty());
}

TEST_CASE_FIXTURE(settlement_fixture, "a ledger of another boot names nobody of this one [R3]") {
  auto worker = stray{"exec sleep 100"};
  self.boot_id = "another";
  leave({row(1, worker.identity())});
  self = io::own_settler(name);
  CHECK(settle().orphans.empty());
  CHECK(worker.lives());
  CHECK(is_empty());
}

TEST_CASE_FIXTURE(settlement_fixture, "several that settle at once end each process once [R3]") {
  auto workers = std::vector<stray>{};
  auto rows = std::vector<core::ledger_row>{};
  for (uint64_t i = 0; i < 10; ++i) {
    workers.push_back(marked("exec sleep 100"));
    rows.push_back(row(i, workers.back().identity()));
  }
  leave(rows);
  auto reports = std::vector<std::future<cleanup_report>>{};
  for (int i = 0; i < 8; ++i)
    reports.push_back(std::async(std::launch::async, [this] { return settle(); }));
  for (auto& x : reports)
    CHECK(x.get().count(orphan::end::survived) == 0);
  for (auto& x : workers)
    CHECK(!x.lives());
  CHECK(is_empty());
}

TEST_CASE_FIXTURE(settlement_fixture,
                  "200 processes that are left are gone within two seconds [R3]") {
  auto fastest = std::chrono::nanoseconds::max();
  for (int round = 0; round < 3 && fastest >= 2s; ++round) { // what else runs takes time from it
    auto workers = std::vector<stray>{};
    auto rows = std::vector<core::ledger_row>{};
    for (uint64_t i = 0; i < 200; ++i) {
      workers.push_back(marked(i % 2 == 0 ? "exec sleep 100" : deaf));
      rows.push_back(row(i, workers.back().identity()));
    }
    leave(rows);
    auto got = settle();
    MESSAGE("200 processes, half of them deaf to SIGTERM: " << got.took / 1ms << " ms");
    fastest = std::min<std::chrono::nanoseconds>(fastest, got.took);
    CHECK(got.count(orphan::end::survived) == 0);
    for (auto& x : workers)
      CHECK(!x.lives());
  }
  CHECK(fastest < 2s);
}

TEST_CASE("a number that is another's by now harms nobody [R6] [RL-3]") {
  auto stranger = stray{"exec sleep 100"};
  auto who = stranger.identity();
  auto gone = dead_host();
  auto ends = io::end_processes({{who.pid, who.start_time - 1, "r"},
                                 {gone.pid, gone.start_time, "r"},
                                 {who.pid, who.start_time, "r", core::debt::ledger, gone.pid}});
  REQUIRE(ends.size() == 3);
  for (auto& x : ends)
    CHECK(x.how == io::kill_end::gone);
  CHECK(stranger.lives());
}

TEST_CASE("a zombie counts as ended at once [R6]") {
  auto zombie = stray{"exit 0"};
  REQUIRE(eventually(patience, [&] { return !zombie.lives(); }));
  auto begun = std::chrono::steady_clock::now();
  auto who = zombie.identity();
  auto ends = io::end_processes({{who.pid, who.start_time, "r"}});
  CHECK(ends[0].how == io::kill_end::gone);
  CHECK(std::chrono::steady_clock::now() - begun < 400ms);
}

TEST_SUITE_END();
