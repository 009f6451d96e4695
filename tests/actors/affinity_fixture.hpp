#pragma once

#include "tests/support/pool_fixture.hpp"

#include <csignal>

namespace snakepit {

using namespace std::chrono_literals;

/// Two workers, each of which has room for one call, unless a test wants more.
struct affinity_fixture : pool_fixture {
  affinity_fixture() {
    cfg.workers = 2;
    cfg.queue.prefetch_time = 1ns;
    cfg.restart.backoff = {0ms};
    cfg.heartbeat.interval = infinite;
    listen();
  }

  size_t call(const std::string& session, affinity mode, const std::string& data,
              duration timeout = infinite, duration queue_timeout = infinite) {
    options.session = session;
    options.affinity = mode;
    return submit(data, timeout, queue_timeout);
  }
  size_t hint(const std::string& data) {
    return call("s", affinity::hint, data);
  }
  size_t patient(const std::string& data, const std::string& session = "s") {
    return call(session, affinity::strict_queue, data);
  }
  size_t hasty(const std::string& data) {
    return call("s", affinity::strict_fail_fast, data);
  }
  size_t other(const std::string& data) {
    return call("", affinity::hint, data);
  }

  /// The calls that the worker has been sent and not begun.
  std::string waiting(size_t i) {
    auto out = std::string{};
    for (auto& lane : worker(i).lanes)
      for (auto& x : lane.inbox)
        out += x.data.substr(6, x.data.size() - 8);
    return out;
  }
  void serve(size_t i) {
    worker(i).serve_all();
    run();
  }
  void die(size_t i) {
    crash(worker(i), SIGSEGV);
  }
  reason why(size_t x) {
    return failure(x).reason;
  }

  void recycle(uint32_t slot) {
    auto order = recycle_order{slot, [](result<void>) {}};
    caf::anon_send(caf::actor_cast<pool_actor>(entry->actor()), make_local(std::move(order)));
    run();
  }

  /// "new 0.1" and the like, of all sessions.
  std::string bound() {
    auto out = std::string{};
    for (auto& x : ledger.of(event_kind::session_bound))
      out += (out.empty() ? "" : ", ") + std::string{x.text("from")} + " "
             + std::string{x.text("slot")} + "." + std::string{x.text("generation")};
    return out;
  }
};

} // namespace snakepit
