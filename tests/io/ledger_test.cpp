#include "actors/io/ledger.hpp"

#include "actors/io/ledger_file.hpp"
#include "actors/io/process_scan.hpp"
#include "tests/support/properties.hpp"
#include "tests/support/stray.hpp"

#include <set>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

using namespace snakepit;
using namespace snakepit::test;
namespace fs = std::filesystem;

namespace {

core::ledger_row active(uint64_t id, core::process_identity who) {
  return core::reserved_entry{id, {"p", 3, 4}}.activate(std::move(who)).row();
}

core::ledger_row reserved(uint64_t id) {
  return core::reserved_entry{id, {"p", 1, 2}}.row();
}

struct ledger_fixture {
  temporary_folder folder;
  std::string run = io::make_run_id();
  core::host_identity host = io::own_host();
  io::ledger_place place{folder.path() / "state", "pit", ""};

  std::shared_ptr<io::sqlite_ledger> make() const {
    return io::sqlite_ledger::make(place, {run, host, io::read_boot_id()}).value();
  }

  std::string stem() const {
    return place.stem(run);
  }

  static result<void> write(io::ledger& to, std::vector<core::ledger_row> rows) {
    auto answer = std::promise<result<void>>{};
    to.write(std::move(rows), [&](result<void> x) { answer.set_value(std::move(x)); });
    return answer.get_future().get();
  }

  size_t files() const {
    return static_cast<size_t>(
      std::distance(fs::directory_iterator{place.folder}, fs::directory_iterator{}));
  }
};

/// Runs `f` on a thread that sees a file system of its own at `at`; false if that cannot be had,
/// which takes root.
template <class F>
bool with_mount(const fs::path& at, const std::string& options, F f) {
  auto there = false;
  fs::create_directories(at);
  std::thread{[&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return;
    if (::mount("none", at.c_str(), "tmpfs", 0, options.c_str()) != 0)
      return;
    there = true;
    f();
    ::umount2(at.c_str(), MNT_DETACH);
  }}.join();
  if (!there)
    MESSAGE("no file system of its own can be mounted here: not tested");
  return there;
}

} // namespace

TEST_SUITE_BEGIN("ledger");

TEST_CASE_FIXTURE(ledger_fixture, "what was written is there after its host's end [R2]") {
  {
    auto uut = make();
    REQUIRE(uut->open(patience));
    REQUIRE(write(*uut, {reserved(1), reserved(2), reserved(3), reserved(4)}));
    REQUIRE(write(*uut, {active(2, {77, 770, "b"}), active(3, {78, 780, "b"})}));
    auto end = core::reserved_entry{3, {}}.abandon().row();
    REQUIRE(write(*uut, {end, core::reserved_entry{4, {}}.abandon().row()}));
  } // as a host that is killed: nobody says `remove`
  auto got = io::ledger_file::read(stem());
  REQUIRE(got);
  CHECK(got->run == run);
  CHECK(got->host == host);
  CHECK(got->boot_id == io::read_boot_id());
  REQUIRE(got->rows.size() == 2);
  CHECK(got->rows[0].state == core::ledger_row::reserved);
  CHECK(got->rows[0].key == core::worker_key{"p", 1, 2});
  CHECK(got->rows[1].id == 2);
  CHECK(got->rows[1].state == core::ledger_row::active);
  CHECK(got->rows[1].key == core::worker_key{"p", 3, 4});
  CHECK(got->rows[1].process == core::process_identity{77, 770, "b"});
}

TEST_CASE_FIXTURE(ledger_fixture, "a ledger that was removed leaves no file [R2]") {
  auto uut = make();
  REQUIRE(uut->open(patience));
  REQUIRE(write(*uut, {reserved(1)}));
  CHECK(files() >= 2);
  uut->remove();
  uut = nullptr;
  CHECK(files() == 0);
}

TEST_CASE_FIXTURE(ledger_fixture, "the folder is private, and refused if it is not ours [R2, S1]") {
  REQUIRE(make()->open(patience));
  struct stat about {};
  REQUIRE(::stat(place.folder.c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0700);
  fs::permissions(place.folder, fs::perms::all);
  auto refused = make()->open(patience);
  REQUIRE(!refused);
  CHECK(refused.error().reason == reason::invalid_config);
  CHECK(refused.error().message.find(place.folder) != std::string::npos);
  fs::permissions(place.folder, fs::perms::owner_all);
  if (::geteuid() == 0) {
    REQUIRE(::chown(place.folder.c_str(), 65534, 65534) == 0);
    refused = make()->open(patience);
    REQUIRE(!refused);
    CHECK(refused.error().message.find("belongs to user 65534") != std::string::npos);
  }
  place.folder = folder.path() / "link";
  fs::create_symlink(folder.path(), place.folder);
  refused = make()->open(patience);
  REQUIRE(!refused);
  CHECK(refused.error().message.find("link") != std::string::npos);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "an instance with an id is exclusive, and names its holder [R2]") {
  place.id = "blue";
  auto first = make();
  REQUIRE(first->open(patience));
  REQUIRE(write(*first, {reserved(1)}));
  auto holder = run;
  run = io::make_run_id();
  auto second = make()->open(patience);
  REQUIRE(!second);
  CHECK(second.error().reason == reason::unavailable);
  CHECK(second.error().message.find("process " + std::to_string(::getpid())) != std::string::npos);
  CHECK(second.error().message.find(holder) != std::string::npos);
  CHECK(second.error().details.at("run") == holder);
  CHECK(second.error().details.at("since").size() == 20);
  CHECK(io::ledger_file::read(stem()).error().reason == reason::internal); // and is not disturbed
  REQUIRE(write(*first, {reserved(2)}));
  place.id = "green";
  CHECK(make()->open(patience));
  place.id = "";
  CHECK(make()->open(patience));
  place.id = "blue";
  first = nullptr; // as a host that is killed
  CHECK(make()->open(patience));
}

TEST_CASE_FIXTURE(ledger_fixture, "a lock that a settler holds is waited for [R2]") {
  place.id = "blue";
  fs::create_directory(place.folder);
  fs::permissions(place.folder, fs::perms::owner_all);
  auto gone = dead_host();
  auto settler = io::ledger_lock::take(stem());
  REQUIRE(settler);
  settler->sign({gone.pid, gone.start_time, "r", "2026-01-01T00:00:00Z"}); // as its holder has
  auto uut = make();
  auto end = std::async(std::launch::async, [&] { return uut->open(patience); });
  CHECK(end.wait_for(100ms) == std::future_status::timeout);
  settler->remove_ledger();
  auto opened = end.get();
  REQUIRE_MESSAGE(opened, opened.error().message);
  CHECK(*opened);
  CHECK(io::read_holder(stem())->pid == ::getpid());
}

TEST_CASE_FIXTURE(ledger_fixture, "no two instances share a file, whatever they are called [R2]") {
  auto stems = std::set<std::string>{};
  auto names = {"a", "b", "a-b", "a.db", "a-0123456789ab"};
  for (auto name : names)
    for (auto id : {"", "b", "a-b", "0123456789ab", "b-0123456789ab"}) {
      auto x = io::ledger_place{"/x", name, id};
      CHECK(stems.insert(x.stem("0123456789ab")).second);
    }
  fs::create_directory(place.folder);
  for (auto file :
       {"pit-0123456789ab.db", "pit-0123456789ab.lock", "pit-1.db", "pit.db", "pit+a.db",
        "pit-x-0123456789ab.db", "pi-0123456789ab.db", "pit-0123456789ab.corrupt-1"})
    folder.write("state/" + std::string{file}, "");
  CHECK(place.find() == std::vector<std::string>{place.folder + "/pit-0123456789ab"});
  place.id = "a";
  CHECK(place.find() == std::vector<std::string>{place.folder + "/pit+a"});
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a ledger whose files were removed is made anew, and says so [R2]") {
  auto uut = make();
  REQUIRE(uut->open(patience));
  REQUIRE(write(*uut, {reserved(1)}));
  fs::remove_all(place.folder);
  auto end = write(*uut, {reserved(2)});
  REQUIRE(!end); // the rows before it are lost
  CHECK(end.error().message.find("removed") != std::string::npos);
  REQUIRE(write(*uut, {reserved(1), reserved(2)}));
  uut = nullptr;
  CHECK(io::ledger_file::read(stem()).value().rows.size() == 2);
}

TEST_CASE_FIXTURE(ledger_fixture, "a disk that cannot be used stops nobody from opening [RL-11]") {
  SUBCASE("no folder can be made") {
    folder.write("state", "a file");
    place.folder += "/below";
  }
  SUBCASE("nor on a file system that takes none") {
    place.folder = "/proc/snakepit";
  }
  auto uut = make();
  CHECK(uut->open(patience));
  auto end = write(*uut, {reserved(1)});
  REQUIRE(!end);
  CHECK(end.error().reason == reason::internal);
  CHECK(end.error().message.find(place.folder) != std::string::npos);
}

TEST_CASE_FIXTURE(ledger_fixture,
                  "a full disk is an error, and none when it has room again [RL-11]") {
  auto at = fs::path{place.folder};
  with_mount(at, "size=64k,mode=0700", [&] {
    std::ofstream{at / "ballast"} << std::string(100'000, 'x');
    auto uut = make();
    CHECK(uut->open(patience));
    CHECK(!write(*uut, {reserved(1)}));
    CHECK(!write(*uut, {reserved(1)}));
    fs::remove(at / "ballast");
    CHECK(write(*uut, {reserved(1)}));
    // Full again while it is in use.
    std::ofstream{at / "ballast"} << std::string(100'000, 'x');
    auto failed = false;
    for (uint64_t i = 2; i < 400 && !failed; ++i)
      failed = !write(*uut, {active(i, {1, 2, std::string(500, 'b')})});
    CHECK(failed);
    fs::remove(at / "ballast");
    CHECK(write(*uut, {reserved(1000)}));
    uut = nullptr;
    auto got = io::ledger_file::read(stem());
    REQUIRE(got);
    CHECK(got->rows.front().id == 1); // what had been written before is not lost
    CHECK(got->rows.back().id == 1000);
  });
}

TEST_CASE_FIXTURE(ledger_fixture, "a disk that is read-only is an error [RL-11]") {
  with_mount(place.folder, "size=1m,mode=0700", [&] {
    REQUIRE(::mount("none", place.folder.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0);
    auto uut = make();
    CHECK(uut->open(patience));
    CHECK(!write(*uut, {reserved(1)}));
    REQUIRE(::mount("none", place.folder.c_str(), nullptr, MS_REMOUNT, nullptr) == 0);
    CHECK(write(*uut, {reserved(1)}));
  });
}

TEST_CASE_FIXTURE(ledger_fixture, "what is no ledger is refused, whatever it holds [RL-8]") {
  {
    auto uut = make();
    REQUIRE(write(*uut, {reserved(1), active(2, {77, 770, "b"})}));
  }
  auto path = stem() + ".db";
  { // Everything into the one file.
    REQUIRE(io::ledger_file::read(stem()));
  }
  auto good = io::read_small_file(path).value();
  fs::remove(path + "-wal");
  CHECK(holds(200, [&](size_t at, char byte, size_t cut) {
    auto bad = good;
    if (!bad.empty()) {
      bad[at % bad.size()] = byte;
      bad.resize(cut % 5 == 0 ? cut % bad.size() : bad.size());
    }
    std::ofstream{path, std::ios::binary | std::ios::trunc} << bad;
    auto got = io::ledger_file::read(stem());
    RC_ASSERT((got || !got.error().message.empty()));
  }));
  std::ofstream{path, std::ios::trunc} << std::string(5000, 'x');
  CHECK(io::ledger_file::read(stem()).error().reason == reason::invalid_argument);
}

TEST_CASE_FIXTURE(ledger_fixture, "an entry for each of 16 workers costs a start little [R2]") {
  auto uut = make();
  REQUIRE(write(*uut, {}));
  auto best = 1h / 1us;
  // On a busy machine most of them wait for something else.
  for (int round = 0; round < 20 || (round < 400 && best >= 5000); ++round) {
    auto rows = std::vector<core::ledger_row>{};
    for (uint64_t i = 0; i < 16; ++i)
      rows.push_back(reserved(static_cast<uint64_t>(round) * 16 + i));
    auto begun = std::chrono::steady_clock::now();
    REQUIRE(write(*uut, rows));
    best = std::min<long>(best, (std::chrono::steady_clock::now() - begun) / 1us);
  }
  MESSAGE("16 reservations: " << best << " us");
  CHECK(best < 5000);
}

TEST_SUITE_END();
