#include "runtime_fixture.hpp"
#include "tests/support/eventually.hpp"

#include <csignal>
#include <fstream>
#include <future>
#include <thread>

#include <sys/wait.h>

using namespace snakepit;
using namespace snakepit::test;
using namespace std::chrono_literals;

/// A stop is bounded whatever hangs. All that may hang here hangs at the same time, each in a
/// runtime of its own, so that the test takes as long as the worst.

namespace {

using clock = std::chrono::steady_clock;

struct hanging {
  std::string what;
  std::string spawn;
  std::unique_ptr<runtime> uut;
  std::vector<call_future> calls;
  clock::duration took{};
  result<void> end;
};

struct stop_fixture : runtime_fixture {
  std::vector<std::unique_ptr<hanging>> all;

  std::string mark(size_t i) const {
    return run_dir / ("mark-" + std::to_string(i));
  }

  pool_config hanging_pool(const std::string& spawn) const {
    auto x = pool("default", 1, SNAKEPIT_SOURCE_ROOT "/tests/public/hangs.py");
    x.spawn = spawn;
    return x;
  }

  /// A worker whose tool `what` is at the point where it hangs.
  void add(const std::string& what, const std::string& spawn) {
    auto x = std::make_unique<hanging>();
    x->what = what;
    x->spawn = spawn;
    x->uut = std::make_unique<runtime>(start({hanging_pool(spawn)}));
    x->calls.push_back(
      x->uut->execute_async("call", value{{"name", what}, {"mark", mark(all.size())}}));
    all.push_back(std::move(x));
  }

  /// A worker whose adapter hangs in a hook.
  void add_hook(const std::string& hook, const std::string& spawn) {
    auto x = std::make_unique<hanging>();
    x->what = hook;
    x->spawn = spawn;
    auto cfg = configuration({hanging_pool(spawn)});
    cfg.python.env = {{"HANG", hook}, {"MARK", mark(all.size())}};
    auto made = runtime::start(std::move(cfg));
    REQUIRE_MESSAGE(made, to_string(made.error()));
    x->uut = std::make_unique<runtime>(std::move(*made));
    if (hook == "cleanup")
      x->calls.push_back(
        x->uut->execute_async("call", value{{"name", "just_mark"}, {"mark", mark(all.size())}}));
    all.push_back(std::move(x));
  }

  void await_marks() const {
    for (size_t i = 0; i < all.size(); ++i)
      REQUIRE_MESSAGE(eventually(60s, [&] { return std::filesystem::exists(mark(i)); }),
                      all[i]->what);
  }

  /// Stops all at once.
  void stop_all() {
    auto threads = std::vector<std::thread>{};
    for (auto& x : all)
      threads.emplace_back([&x = *x] {
        auto begun = clock::now();
        x.end = x.uut->stop(0s);
        x.took = clock::now() - begun;
      });
    for (auto& x : threads)
      x.join();
  }

  ~stop_fixture() {
    all.clear();
    for (auto& x : std::filesystem::directory_iterator{run_dir})
      if (x.path().filename().string().starts_with("mark-"))
        std::filesystem::remove(x.path());
  }
};

} // namespace

TEST_SUITE_BEGIN("stop");

TEST_CASE_FIXTURE(stop_fixture, "a stop is bounded whatever a worker or the template does [R7]") {
  for (auto* spawn : {"exec", "template"}) {
    for (auto* tool :
         {"hold_gil", "ignore_all", "hang_atexit", "flood", "leave_child", "stop_self"})
      add(tool, spawn);
    add_hook("initialize", spawn);
    add_hook("cleanup", spawn);
  }
  add("stop_template", "template");
  await_marks();
  stop_all();
  for (auto& x : all) {
    MESSAGE(x->what << " (" << x->spawn << "): "
                    << std::chrono::duration_cast<std::chrono::milliseconds>(x->took).count()
                    << " ms");
    CHECK(x->took < stop_patience);
    CHECK_MESSAGE(x->end, to_string(x->end.error()));
    for (auto& call : x->calls)
      CHECK(call.future.wait_for(0s) == std::future_status::ready);
    if (x->what != "leave_child")
      continue;
    // It has left its group: whoever looks for the marker finds it, not the stop.
    auto pid = 0;
    std::ifstream{mark(static_cast<size_t>(&x - all.data()))} >> pid;
    REQUIRE(pid > 0);
    ::kill(pid, SIGKILL);
  }
}

TEST_CASE_FIXTURE(runtime_fixture,
                  "a stop ends although a callback does not return, kills and says so [R7]") {
  // Ten seconds, as promised; they are the same for both.
  auto uut = std::make_unique<runtime>(start({pool("default", 1)}));
  auto other = std::make_unique<runtime>(start({pool("default", 1)}));
  auto pid = uut->execute("pid", value::map{}).value().as<int64_t>();
  auto hold = std::promise<void>{};
  auto held = hold.get_future().share();
  auto inside = std::atomic<int>{0};
  uut->execute_async("echo", value{{"x", 1}}, {}, [&inside, held](const outcome&) {
    ++inside;
    held.wait();
  });
  auto listening = other->subscribe({}, [&inside, held](const event&) {
    ++inside;
    held.wait();
  });
  REQUIRE(listening);
  other->execute("echo", value{{"x", 1}});
  REQUIRE(eventually(20s, [&] { return inside == 2; }));
  auto begun = clock::now();
  auto beside = std::thread{[&] { CHECK(other->stop(0s)); }}; // one's own subscription is one's own
  auto end = uut->stop(0s);
  auto took = clock::now() - begun;
  beside.join();
  CHECK(took < stop_patience + 4s);
  REQUIRE_FALSE(end);
  CHECK(end.error().reason == reason::internal);
  CHECK(end.error().details.at("hangs") == "callback");
  CHECK(eventually(5s, [&] { return ::kill(static_cast<pid_t>(pid), 0) != 0; }));
  hold.set_value();
  CHECK_FALSE(uut->stop()); // it says the same
  // Now that the callback is over the rest comes to its end, too.
  CHECK(eventually(20s, [&] { return std::filesystem::is_empty(run_dir); }));
}

TEST_CASE_FIXTURE(runtime_fixture, "a stop in a callback is refused, and does not hang [R7]") {
  auto uut = start({pool("default", 1)});
  auto told = std::promise<result<void>>{};
  uut.execute_async("echo", value{{"x", 1}}, {},
                    [&](const outcome&) { told.set_value(uut.stop()); });
  auto future = told.get_future();
  REQUIRE(future.wait_for(20s) == std::future_status::ready);
  auto end = future.get();
  REQUIRE_FALSE(end);
  CHECK(end.error().reason == reason::invalid_argument);
  CHECK(uut.execute("echo", value{{"x", 1}}).error().reason == reason::draining);
  CHECK(uut.stop());
}

TEST_CASE_FIXTURE(runtime_fixture, "a runtime may be destroyed in a callback [R7]") {
  auto uut = std::make_unique<runtime>(start({pool("default", 1)}));
  auto done = std::promise<void>{};
  uut->execute_async("echo", value{{"x", 1}}, {}, [&](const outcome&) {
    uut.reset();
    done.set_value();
  });
  REQUIRE(done.get_future().wait_for(20s) == std::future_status::ready);
  CHECK(eventually(20s, [&] { return std::filesystem::is_empty(run_dir); }));
}

TEST_CASE_FIXTURE(runtime_fixture, "a second stop shortens the drain of the first [R7]") {
  auto uut = start({pool("default", 1), pool("other", 1)});
  REQUIRE(uut.await_ready());
  auto slow = uut.execute_async("sleep", value{{"seconds", 100.0}});
  auto begun = clock::now();
  auto first = std::thread{[&] { CHECK(uut.stop(100s)); }};
  CHECK(eventually(20s, [&] { return uut.stats().front().state == "draining"; }));
  CHECK(uut.stop(0s));
  first.join();
  CHECK(clock::now() - begun < 20s);
  CHECK_FALSE(slow.future.get());
}

TEST_CASE_FIXTURE(runtime_fixture, "a forked process may destroy its parent's runtime [R7, R5]") {
  auto uut = std::make_unique<runtime>(start({pool("default", 1)}));
  REQUIRE(uut->await_ready());
  auto child = ::fork();
  if (child == 0) {
    auto refused = !uut->stop();
    uut.reset();
    ::_exit(refused ? 7 : 8);
  }
  auto status = 0;
  REQUIRE(eventually(20s, [&] { return ::waitpid(child, &status, WNOHANG) == child; }));
  CHECK(WEXITSTATUS(status) == 7);
  CHECK(uut->execute("echo", value{{"x", 1}}).value() == value{1});
}

TEST_SUITE_END();
