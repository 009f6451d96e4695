#include "actors/io/event_loop.hpp"

#include "tests/support/launching.hpp"

#include <csignal>
#include <set>

#include <fcntl.h>
#include <unistd.h>

using namespace snakepit;
using namespace snakepit::test;

TEST_CASE("tasks run in order on one thread, all that were posted before the end [E1]") {
  std::vector<int> seen;
  std::set<std::thread::id> threads;
  {
    auto loop = io::event_loop::make("test");
    REQUIRE(loop);
    for (int i = 0; i < 1000; ++i)
      (*loop)->post([&, i] {
        seen.push_back(i);
        threads.insert(std::this_thread::get_id());
      });
  }
  CHECK(seen.size() == 1000);
  CHECK(std::ranges::is_sorted(seen));
  CHECK(threads.size() == 1);
}

TEST_CASE("timers run in the order of their times, and a task may post and watch [E1]") {
  auto loop = io::event_loop::make("test");
  REQUIRE(loop);
  std::vector<int> seen;
  std::promise<void> done;
  (*loop)->post([&] {
    auto now = io::event_loop::clock::now();
    (*loop)->call_at(now + 20ms, [&] {
      seen.push_back(2);
      (*loop)->post([&] { done.set_value(); });
    });
    (*loop)->call_at(now + 5ms, [&] { seen.push_back(1); });
  });
  REQUIRE(done.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(seen == std::vector{1, 2});
}

TEST_CASE("a watch that another one of the same round has ended is not called [E1]") {
  auto loop = io::event_loop::make("test");
  REQUIRE(loop);
  int fds[2][2];
  REQUIRE(::pipe2(fds[0], O_CLOEXEC) == 0);
  REQUIRE(::pipe2(fds[1], O_CLOEXEC) == 0);
  std::atomic<int> calls{0};
  std::promise<void> done;
  (*loop)->post([&] {
    static io::event_loop::watch_id ids[2];
    auto end_both = [&](uint32_t) {
      ++calls;
      for (int i = 0; i < 2; ++i)
        (*loop)->unwatch(fds[i][0], ids[i]);
      (*loop)->post([&] { done.set_value(); });
    };
    for (int i = 0; i < 2; ++i) {
      ids[i] = (*loop)->watch(fds[i][0], end_both).value();
      CHECK(::write(fds[i][1], "x", 1) == 1);
    }
  });
  REQUIRE(done.get_future().wait_for(patience) == std::future_status::ready);
  loop->reset();
  CHECK(calls == 1);
  for (auto& x : fds)
    for (int fd : x)
      ::close(fd);
}

TEST_CASE("no signal of the embedder's is handled on the loop's thread [E1]") {
  auto loop = io::event_loop::make("test");
  REQUIRE(loop);
  std::promise<bool> all_blocked;
  (*loop)->post([&] {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    all_blocked.set_value(sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGCHLD) == 1
                          && sigismember(&mask, SIGRTMAX) == 1);
  });
  CHECK(all_blocked.get_future().get());
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  CHECK(sigismember(&mask, SIGTERM) == 0);
}
