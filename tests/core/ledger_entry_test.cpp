#include "actors/core/ledger_entry.hpp"
#include "tests/support/properties.hpp"

#include <doctest/doctest.h>

#include <concepts>
#include <type_traits>
#include <variant>
#include <vector>

using namespace snakepit::core;

namespace {

template <class T>
concept can_activate = requires(T x) {
  std::move(x).activate(process_identity{});
};
template <class T>
concept can_end = requires(T x) {
  std::move(x).end();
};
template <class T>
concept can_abandon = requires(T x) {
  std::move(x).abandon();
};
/// Without giving itself up.
template <class T>
concept can_activate_and_stay = requires(T& x) {
  x.activate(process_identity{});
};

} // namespace

TEST_CASE("an entry cannot take a step that is not drawn: it would not compile [R2]") {
  CHECK(can_activate<reserved_entry>);
  CHECK(can_abandon<reserved_entry>);
  CHECK(!can_end<reserved_entry>);
  CHECK(can_end<active_entry>);
  CHECK(!can_activate<active_entry>);
  CHECK(!can_abandon<active_entry>);
  CHECK(!can_activate<ended_entry>);
  CHECK(!can_end<ended_entry>);
  CHECK(!can_abandon<ended_entry>);
  CHECK(!can_activate_and_stay<reserved_entry>);
  CHECK(!std::is_copy_constructible_v<reserved_entry>);
  CHECK(!std::is_copy_constructible_v<active_entry>);
  CHECK(!std::is_constructible_v<active_entry, ledger_row, process_identity>);
  CHECK(!std::is_constructible_v<ended_entry, ledger_row>);
}

TEST_CASE("whatever happens to an entry, its rows only ever go forward [R2]") {
  using any = std::variant<reserved_entry, active_entry, ended_entry>;
  CHECK(snakepit::test::holds(500, [](uint64_t id, std::vector<bool> steps) {
    any entry = reserved_entry{id, {"p", 1, 2}};
    auto before = ledger_row::reserved;
    for (auto forward : steps) {
      if (auto* x = std::get_if<reserved_entry>(&entry)) {
        if (forward)
          entry = any{std::move(*x).activate({7, 8, "boot"})};
        else
          entry = any{std::move(*x).abandon()};
      } else if (auto* y = std::get_if<active_entry>(&entry)) {
        entry = any{std::move(*y).end()};
      }
      auto& row = std::visit([](auto& x) -> const ledger_row& { return x.row(); }, entry);
      RC_ASSERT(row.id == id);
      RC_ASSERT(row.key == (worker_key{"p", 1, 2}));
      RC_ASSERT(row.state > before || row.state == ledger_row::ended);
      RC_ASSERT((row.state != ledger_row::active || row.process.pid == 7));
      before = row.state;
    }
  }));
}
