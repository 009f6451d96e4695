#include "actors/io/thread_reserve.hpp"

#include "actors/io/system_error.hpp"

#include <cerrno>
#include <csignal>
#include <future>
#include <system_error>
#include <thread>
#include <vector>

namespace snakepit::io {

namespace {

tl::unexpected<error> unavailable(const std::string& step) {
  auto why = start_failure(step, EAGAIN).value();
  why.reason = reason::unavailable;
  return tl::unexpected{std::move(why)};
}

} // namespace

result<void> check_threads(size_t count) {
  // No signal of the embedder's runs on any of them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::promise<void> over;
  auto end = over.get_future().share();
  std::vector<std::thread> threads;
  auto enough = true;
  try {
    for (size_t i = 0; i < count; ++i)
      threads.emplace_back([end] { end.wait(); });
  } catch (const std::system_error&) {
    enough = false;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  over.set_value();
  for (auto& x : threads)
    x.join();
  if (!enough)
    return unavailable("starting " + std::to_string(count) + " threads");
  return {};
}

tl::unexpected<error> no_thread() {
  return unavailable("starting a thread");
}

} // namespace snakepit::io
