#include "runtime_fixture.hpp"

#include "tests/support/eventually.hpp"

#include <snakepit/caf.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <fstream>
#include <map>
#include <set>

using namespace snakepit;
using namespace std::chrono_literals;

/// Sessions and their workers, with real ones; and what becomes of calls whose caller is gone.

namespace {

struct session_fixture : runtime_fixture {
  std::filesystem::path files = state_dir.string() + "-files";

  session_fixture() {
    std::filesystem::create_directory(files);
  }
  ~session_fixture() {
    std::filesystem::remove_all(files);
  }

  pool_config sessions(size_t workers) const {
    auto x = pool("default", workers, SNAKEPIT_SOURCE_ROOT "/tests/public/sessions.py");
    x.restart.backoff = {0ms};
    return x;
  }

  static call_options in(const std::string& session, affinity mode) {
    auto x = call_options{};
    x.session = session;
    x.affinity = mode;
    return x;
  }
  static call_future where(runtime& x, const call_options& options, double seconds = 0) {
    return x.execute_async("where", value{{"seconds", seconds}}, options);
  }
  /// The process that ran it, or why none did.
  static value pid(runtime& x, const call_options& options) {
    auto end = where(x, options).future.get();
    return end ? *end : value{std::string{to_string(end.error().reason)}};
  }

  std::string file(const std::string& name) const {
    return files / name;
  }
  /// A call that runs until `release` of the same name. Returns when it does.
  call_future hold(runtime& x, const std::string& name, const call_options& options) const {
    auto args = value{{"started", file(name)}, {"go", file(name + ".go")}};
    auto out = x.execute_async("hold", args, options);
    await_start(name);
    return out;
  }
  void await_start(const std::string& name) const {
    REQUIRE(test::eventually(30s, [&] { return std::filesystem::exists(file(name)); }));
  }
  void release(const std::string& name) const {
    std::ofstream{file(name + ".go")};
  }

  static bool is_idle(runtime& x) {
    return test::eventually(30s, [&] { return x.stats()[0].busy == 0; });
  }
};

} // namespace

TEST_SUITE_BEGIN("public affinity");

TEST_CASE_FIXTURE(session_fixture, "a hint: one process, unless that is busy [B3]") {
  auto uut = start({sessions(2)});
  REQUIRE(uut.await_started());
  auto mine = in("s", affinity::hint);
  auto first = pid(uut, mine);
  for (int i = 0; i < 10; ++i)
    CHECK(pid(uut, mine) == first);
  auto held = hold(uut, "a", mine);
  CHECK(pid(uut, mine) != first);
  release("a");
  CHECK(held.future.get().value() == first);
}

TEST_CASE_FIXTURE(session_fixture, "strict, patient: one process while it lives [B3]") {
  auto uut = start({sessions(3)});
  REQUIRE(uut.await_started());
  auto seen = std::map<std::string, std::set<int64_t>>{};
  auto calls = std::vector<std::pair<std::string, call_future>>{};
  for (int i = 0; i < 60; ++i) { // the first ones at the same instant
    auto session = std::string(1, static_cast<char>('a' + i % 4));
    calls.emplace_back(session, where(uut, in(session, affinity::strict_queue), 0.002));
    calls.emplace_back("", where(uut, {}, 0.001));
  }
  for (auto& [session, call] : calls)
    seen[session].insert(call.future.get().value().as<int64_t>());
  for (auto* session : {"a", "b", "c", "d"})
    CHECK(seen[session].size() == 1);
  auto died = uut.execute("die", value{value::map{}}, in("a", affinity::strict_queue));
  REQUIRE(!died);
  CHECK(died.error().reason == reason::worker_crashed);
  auto next = pid(uut, in("a", affinity::strict_queue));
  CHECK(next != value{*seen["a"].begin()});
  CHECK(pid(uut, in("a", affinity::strict_queue)) == next);
}

TEST_CASE_FIXTURE(session_fixture, "strict, hasty: its process now, or the reason why not [B3]") {
  auto uut = start({sessions(2)});
  REQUIRE(uut.await_started());
  auto mine = in("s", affinity::strict_fail_fast);
  auto first = pid(uut, mine);
  auto held = hold(uut, "a", mine);
  CHECK(pid(uut, mine) == value{"worker_busy"});
  release("a");
  CHECK(held.future.get().value() == first);
  CHECK(pid(uut, mine) == first);
  CHECK(uut.execute("die", value{value::map{}}, mine).error().reason == reason::worker_crashed);
  CHECK(pid(uut, mine) == value{"session_worker_unavailable"});
  auto second = pid(uut, mine);
  CHECK(second != first);
  CHECK(pid(uut, mine) == second);
}

TEST_CASE_FIXTURE(session_fixture, "an actor that ends takes its calls along [Q4]") {
  auto cfg = caf::actor_system_config{};
  prepare(cfg);
  cfg.set("scheduler.policy", caf::atom("sharing"));
  auto system = caf::actor_system{cfg};
  auto uut = start_in(system, configuration({sessions(1)}));
  REQUIRE_MESSAGE(uut, to_string(uut.error()));
  REQUIRE(uut->await_ready());
  auto whom = pool_actor_of(*uut).value();
  auto ask_for = [&](const std::string& name) {
    return request{"hold",
                   R"({"started": ")" + file(name) + R"(", "go": ")" + file("never") + "\"}"};
  };
  auto calls = std::vector<request>{ask_for("runs"), ask_for("waits")};
  auto caller = system.spawn([whom, calls](caf::event_based_actor* self) -> caf::behavior {
    for (auto& x : calls)
      self->request(whom, caf::infinite, x).then([](const response&) {}, [](const caf::error&) {});
    return {[](int) {}};
  });
  await_start("runs");
  REQUIRE(test::eventually(30s, [&] { return uut->stats()[0].calls_admitted == 2; }));
  caf::anon_send_exit(caller, caf::exit_reason::kill);
  CHECK(is_idle(*uut)); // the one that ran was interrupted
  CHECK(uut->stats()[0].errors["caller_gone"] == 2);
  CHECK(uut->stats()[0].worker_exits == 0);
  CHECK(!std::filesystem::exists(file("waits")));
  {
    auto temporary = caf::scoped_actor{system};
    temporary->request(whom, 30s, request{"where", "{}"})
      .receive([](const response&) {}, [](const caf::error& x) { FAIL(to_string(from_caf(x))); });
    temporary->send(whom, ask_for("last"));
    await_start("last");
  }
  CHECK(is_idle(*uut));
  CHECK(uut->stats()[0].errors["caller_gone"] == 3);
  uut->stop();
}

TEST_CASE_FIXTURE(session_fixture, "the last handle that is dropped cancels, if it shall [Q4]") {
  auto uut = start({sessions(1)});
  REQUIRE(uut.await_ready());
  auto options = call_options{};
  hold(uut, "a", options); // dropped at once
  CHECK(uut.stats()[0].busy == 1);
  release("a");
  CHECK(is_idle(uut));
  CHECK(uut.stats()[0].calls_succeeded == 1);
  options.cancel_on_drop = true;
  auto call = hold(uut, "b", options);
  auto future = std::move(call.future);
  auto copy = call.handle;
  call = {};
  CHECK(future.wait_for(50ms) == std::future_status::timeout);
  copy = {};
  CHECK(future.get().error().reason == reason::cancelled);
  CHECK(is_idle(uut));
  auto lonely = where(uut, options, 60).future; // nobody has kept the handle
  CHECK(lonely.get().error().reason == reason::cancelled);
  auto kept = where(uut, options);
  CHECK(kept.future.get());
  kept = {};                                                 // it is over
  CHECK(uut.execute("where", value{value::map{}}, options)); // it waits, so it is there
  CHECK(uut.stats()[0].calls_failed == 2);
}

TEST_SUITE_END();
