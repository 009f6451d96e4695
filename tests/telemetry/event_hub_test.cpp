#include "telemetry/event_hub.hpp"
#include "telemetry/event_source.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

using namespace snakepit;
using namespace snakepit::telemetry;
using namespace std::chrono_literals;

namespace {

struct hub_fixture {
  std::mutex mutex;
  std::string logged;
  std::vector<event> seen;
  std::shared_ptr<event_hub> uut;

  hub_fixture() {
    auto cfg = log_config{};
    auto log = telemetry::log::open(cfg, [this](std::string_view line) {
      auto guard = std::lock_guard{mutex};
      logged += line;
    });
    uut = std::make_shared<event_hub>(log.value());
  }
  ~hub_fixture() {
    uut->close(5s);
  }

  subscription listen(const event_filter& filter = {}, size_t backlog = event_backlog) {
    return must(subscribe(
      uut, filter,
      [this](const event& x) {
        auto guard = std::lock_guard{mutex};
        seen.push_back(x);
      },
      backlog));
  }

  static subscription must(result<subscription> x) {
    REQUIRE_MESSAGE(x, x.error().message);
    return std::move(*x);
  }

  void restarted(int64_t number) const {
    event_source{uut, "p"}.emit(event_kind::worker_restarted, [&](event_draft& to) {
      to.number("down_us", number).text("slot", 0).text("generation", 2);
    });
  }
  void saturated() const {
    event_source{uut, "p"}.emit(event_kind::pool_saturated, [&](event_draft& to) {
      to.number("queued_calls", 1).number("queued_bytes", 2);
    });
  }

  /// All that was emitted has been handed on.
  void settle() {
    uut->close(10s);
  }
};

/// A callback that waits until it is let go.
struct gate {
  std::binary_semaphore entered{0};
  std::binary_semaphore open{0};

  void pass() {
    entered.release();
    open.acquire();
  }
};

} // namespace

TEST_SUITE_BEGIN("events");

TEST_CASE_FIXTURE(hub_fixture, "an event reaches those who asked for its kind, in order [T1]") {
  auto workers = 0;
  auto all = listen();
  auto some = must(subscribe(
    uut, {.names = {"worker."}}, [&](const event&) { ++workers; }, event_backlog));
  auto before = std::chrono::system_clock::now();
  restarted(1);
  saturated();
  restarted(2);
  settle();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].kind == event_kind::worker_restarted);
  CHECK(seen[0].pool == "p");
  CHECK(seen[0].time >= before);
  CHECK(seen[0].number("down_us") == 1);
  CHECK(seen[0].text("generation") == "2");
  CHECK(seen[1].kind == event_kind::pool_saturated);
  CHECK(seen[2].number("down_us") == 2);
  CHECK(workers == 2);
}

TEST_CASE_FIXTURE(hub_fixture, "a kind is wanted as long as somebody asks for it [T1]") {
  auto wanted = [&](event_kind x) { return uut->wanted(mask_of(x)); };
  CHECK(!wanted(event_kind::worker_restarted));
  {
    auto one = listen({.kinds = {event_kind::worker_restarted}});
    auto other = listen({.names = {"worker."}});
    CHECK(wanted(event_kind::worker_restarted));
    CHECK(wanted(event_kind::worker_exited));
    CHECK(!wanted(event_kind::call_finished));
    other.cancel();
    CHECK(wanted(event_kind::worker_restarted));
    CHECK(!wanted(event_kind::worker_exited));
  }
  CHECK(!wanted(event_kind::worker_restarted));
}

TEST_CASE_FIXTURE(hub_fixture, "what nobody wants is not gathered [T1]") {
  auto gathered = 0;
  auto source = event_source{uut, "p"};
  auto fill = [&](event_draft& to) {
    ++gathered;
    to.number("queued_calls", 1).number("queued_bytes", 2);
  };
  source.emit(event_kind::pool_saturated, fill);
  auto rare = listen({.names = {"worker."}});
  source.emit(event_kind::pool_saturated, fill);
  CHECK(gathered == 0);
  auto all = listen();
  source.emit(event_kind::pool_saturated, fill);
  CHECK(gathered == 1);
}

TEST_CASE_FIXTURE(hub_fixture, "a subscriber that waits delays nobody and loses events [T1]") {
  auto held = gate{};
  auto calls = std::atomic<int>{0};
  auto slow = must(subscribe(
    uut, {.names = {"worker."}},
    [&](const event&) {
      if (++calls == 1)
        held.pass();
    },
    3));
  auto fast = listen();
  restarted(0);
  held.entered.acquire();
  for (auto i = 1; i <= 10; ++i) // returns although nobody takes them
    restarted(i);
  CHECK(slow.dropped() == 7);
  CHECK(fast.dropped() == 0);
  held.open.release();
  settle();
  CHECK(calls == 4);
  auto guard = std::lock_guard{mutex};
  auto dropped = std::vector<event>{};
  for (auto& x : seen)
    if (x.kind == event_kind::telemetry_dropped)
      dropped.push_back(x);
  CHECK(seen.size() == 11 + dropped.size());
  REQUIRE(dropped.size() == 1);
  CHECK(dropped[0].number("events") == 7);
  CHECK(dropped[0].pool.empty());
}

TEST_CASE_FIXTURE(hub_fixture, "the loss of a telemetry.dropped is not told by another [T1]") {
  auto held = gate{};
  auto calls = std::atomic<int>{0};
  auto slow = must(subscribe(
    uut, {},
    [&](const event&) {
      if (++calls == 1)
        held.pass();
    },
    1));
  restarted(0);
  held.entered.acquire();
  for (auto i = 0; i < 5; ++i)
    uut->tell_dropped(1); // by another subscriber: two of them would never come to rest
  CHECK(slow.dropped() == 4);
  held.open.release();
  settle();
  CHECK(calls == 2);
}

TEST_CASE_FIXTURE(hub_fixture, "an exception costs one call and is logged [T1]") {
  auto calls = 0;
  auto angry = must(subscribe(
    uut, {},
    [&](const event&) {
      if (++calls == 1)
        throw std::runtime_error{"no good"};
      if (calls == 2)
        throw 3;
    },
    event_backlog));
  for (auto i = 0; i < 3; ++i)
    restarted(i);
  settle();
  CHECK(calls == 3);
  auto guard = std::lock_guard{mutex};
  CHECK(logged.find("worker.restarted") != std::string::npos);
  CHECK(logged.find("no good") != std::string::npos);
  CHECK(logged.find("no std::exception") != std::string::npos);
}

TEST_CASE_FIXTURE(hub_fixture, "after the end of a subscription its callback never runs [T1]") {
  auto held = gate{};
  auto alive = std::make_shared<std::atomic<bool>>(true);
  auto wrong = std::atomic<int>{0};
  auto running = std::atomic<bool>{false};
  auto x = must(subscribe(
    uut, {},
    [&, alive](const event&) {
      running = true;
      wrong += !*alive;
      held.pass();
      for (auto i = 0; i < 1000; ++i) // who does not wait is back by then
        std::this_thread::yield();
      wrong += !*alive;
      running = false;
    },
    event_backlog));
  restarted(1);
  restarted(2);
  held.entered.acquire();
  auto begun = std::binary_semaphore{0};
  auto ended = std::async(std::launch::async, [&] {
    begun.release();
    x.cancel();
    *alive = false;
    return running.load();
  });
  begun.acquire();
  held.open.release();
  CHECK(!ended.get());
  restarted(3);
  settle();
  CHECK(wrong == 0);
  CHECK(alive.use_count() == 1); // what it held is gone, too
}

TEST_CASE_FIXTURE(hub_fixture, "a callback may end its own subscription [T1]") {
  auto calls = std::atomic<int>{0};
  auto mine = std::optional<subscription>{};
  auto there = std::promise<void>{};
  auto over = std::promise<void>{};
  auto x = must(subscribe(
    uut, {},
    [&, f = there.get_future().share()](const event&) {
      f.wait();
      ++calls;
      mine.reset();
      over.set_value();
    },
    event_backlog));
  mine = std::move(x);
  restarted(1);
  restarted(2);
  there.set_value();
  over.get_future().wait();
  settle();
  CHECK(calls == 1);
  CHECK(!uut->wanted(mask_of(event_kind::worker_restarted)));
}

TEST_CASE_FIXTURE(hub_fixture, "a subscriber that hangs does not stop the hub from closing [T1]") {
  auto held = gate{};
  auto x = must(subscribe(
    uut, {}, [&](const event&) { held.pass(); }, event_backlog));
  restarted(1);
  held.entered.acquire();
  uut->close(1ms);
  CHECK(!uut->wanted(mask_of(event_kind::worker_restarted)));
  auto late = subscribe(
    uut, {}, [](const event&) {}, event_backlog);
  REQUIRE(!late);
  CHECK(late.error().reason == reason::draining);
  held.open.release();
}

TEST_CASE_FIXTURE(hub_fixture, "a callback that closes the hub does not wait for itself [T1]") {
  auto done = std::promise<void>{};
  auto x = must(subscribe(
    uut, {},
    [&](const event&) {
      uut->close(std::chrono::hours{1});
      done.set_value();
    },
    event_backlog));
  restarted(1);
  CHECK(done.get_future().wait_for(10s) == std::future_status::ready);
}

TEST_CASE_FIXTURE(hub_fixture, "what a subscriber needs is checked [T1]") {
  auto none = subscribe(uut, {}, nullptr, 1);
  REQUIRE(!none);
  CHECK(none.error().reason == reason::invalid_argument);
  auto wrong = subscribe(
    uut, {.names = {"wroker."}}, [](const event&) {}, 1);
  REQUIRE(!wrong);
  CHECK(wrong.error().message.find("wroker.") != std::string::npos);
  CHECK(!subscription{});
  CHECK(subscription{}.dropped() == 0);
}

TEST_CASE_FIXTURE(hub_fixture, "texts are redacted, harmless and bounded [T1, S4]") {
  auto x = listen();
  auto hostile = "password=hunter2\n\x1b[2Jred" + std::string(100'000, 'x');
  event_source{uut, "p"}.emit(event_kind::template_failed,
                              [&](event_draft& to) { to.text("because", hostile); });
  settle();
  REQUIRE(seen.size() == 1);
  auto text = std::string{seen[0].text("because")};
  CHECK(text.find("hunter2") == text.npos);
  CHECK(text.find('\x1b') == text.npos);
  CHECK(text.find('\n') == text.npos);
  CHECK(text.size() < 2000);
}

TEST_CASE_FIXTURE(hub_fixture, "subscribing and ending while others emit loses no life [T1]") {
  constexpr auto emitters = 3;
  constexpr auto subscribers = 3;
  constexpr auto rounds = 150;
  auto stop = std::atomic<bool>{false};
  auto wrong = std::atomic<int>{0};
  auto held = std::atomic<int>{0}; // what a callback had did not go with its subscription
  auto threads = std::vector<std::thread>{};
  for (auto i = 0; i < emitters; ++i)
    threads.emplace_back([&] {
      for (int64_t n = 0; !stop; ++n) {
        restarted(n);
        if (n % 64 == 0)
          std::this_thread::yield();
      }
    });
  auto listeners = std::vector<std::thread>{};
  for (auto i = 0; i < subscribers; ++i)
    listeners.emplace_back([&, i] {
      for (auto round = 0; round < rounds; ++round) {
        auto alive = std::make_shared<std::atomic<bool>>(true);
        auto first = std::binary_semaphore{0};
        auto count = 0;
        auto x = must(subscribe(
          uut, {},
          [&, life = alive](const event&) {
            wrong += !*life;
            if (++count == 1)
              first.release();
          },
          static_cast<size_t>(1 + (round + i) % 50)));
        if (round % 2 == 0)
          first.acquire();
        auto moved = std::move(x);
        moved.cancel();
        *alive = false;
        held += alive.use_count() != 1;
      }
    });
  for (auto& x : listeners)
    x.join();
  stop = true;
  for (auto& x : threads)
    x.join();
  CHECK(wrong == 0);
  CHECK(held == 0);
  CHECK(!uut->wanted(~event_mask{0}));
}

TEST_SUITE_END();
