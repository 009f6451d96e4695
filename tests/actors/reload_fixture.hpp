#pragma once

#include "tests/support/pool_fixture.hpp"

#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

namespace snakepit {

/// A pool that is reloaded.
struct reload_fixture : pool_fixture {
  reload_fixture() {
    cfg.workers = 3;
    listen();
  }

  /// A worker that was asked to end does.
  void leave(scripted_worker& x) {
    REQUIRE(x.shutdown_came);
    x.exit(0);
    while (!x.lane_closed_told())
      x.tell_lane_closed();
    x.tell_exit();
    run();
  }

  /// The newest worker cannot start, as an adapter that fails to import says.
  void refuse(scripted_worker& x) {
    x.spawn();
    run();
    x.bind();
    run();
    auto why = error{reason::worker_start_failed, "No module named `x`", {{"phase", "import"}}};
    why.retryable = false;
    x.refuse_hello(std::move(why));
    run();
    x.exit(1);
    while (!x.lane_closed_told())
      x.tell_lane_closed();
    x.tell_exit();
    run();
  }

  void bring_all() {
    for (int i = 0; i < 8; ++i) {
      for (size_t n = 0; n < world.workers.size(); ++n)
        if (worker(n).now == scripted_worker::phase::ordered)
          bring_up(worker(n));
      advance(1s);
    }
  }

  bool is_new(size_t i) {
    return worker(i).origin != nullptr;
  }
  std::vector<uint32_t> revisions() {
    auto out = std::vector<uint32_t>{};
    for (auto& x : stats().workers)
      if (x.state != "leaving")
        out.push_back(x.revision);
    return out;
  }
  const reload_report& report(size_t i) {
    REQUIRE(reloads.at(i).has_value());
    REQUIRE(*reloads[i]);
    return **reloads[i];
  }
};

} // namespace snakepit
