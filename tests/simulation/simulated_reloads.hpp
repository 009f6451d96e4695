#pragma once

#include "tests/support/pool_fixture.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace snakepit {

/// Reloads in a simulation, and what must be true of them: each is answered, and once all are over
/// every worker is of the revision that the last answer names.
class simulated_reloads {
public:
  explicit simulated_reloads(pool_fixture& x) : all_{x} {}

  void begin() {
    if (all_.entry->lifecycle())
      all_.reload(false);
  }

  bool over() const {
    return std::ranges::all_of(all_.reloads, [](auto& x) { return x.has_value(); });
  }

  /// After the last one. With a broken part it may have ended with that.
  void check(bool parts_failed, std::map<std::string, size_t>& tally) {
    auto revision = uint32_t{1};
    for (auto& x : all_.reloads) {
      REQUIRE((*x || parts_failed || stopped));
      if (!*x)
        continue;
      ++tally[(*x)->failure ? "(reload: rolled back)" : "(reload: done)"];
      // Several that were asked for together have one end.
      REQUIRE(((*x)->failure || (*x)->revision >= revision));
      revision = (*x)->revision;
    }
    if (stopped || parts_failed || all_.reloads.empty())
      return;
    auto now = all_.stats();
    REQUIRE(now.revision == revision);
    for (auto& x : now.workers)
      REQUIRE_MESSAGE((x.revision == revision || x.state == "leaving"),
                      x.slot << "." << x.generation << " is of revision " << x.revision << ", not "
                             << revision);
  }

  bool stopped = false;

private:
  pool_fixture& all_;
};

} // namespace snakepit
