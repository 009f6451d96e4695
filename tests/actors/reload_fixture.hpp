#pragma once

#include "tests/support/pool_fixture.hpp"

#include <chrono>
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
    tell_end(x);
  }

  /// Brings up whatever is started, for some seconds.
  void bring_all() {
    for (int i = 0; i < 8; ++i) {
      for (size_t n = 0; n < world.workers.size(); ++n)
        if (worker(n).now == scripted_worker::phase::ordered)
          bring_up(worker(n));
      advance(std::chrono::seconds{1});
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
