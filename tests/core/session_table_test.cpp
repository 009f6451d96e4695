#include "actors/core/session_table.hpp"

#include "tests/support/properties.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::session_table;
using core::time_point;
using core::worker_id;

TEST_SUITE_BEGIN("session_table");

namespace {

const auto start = time_point{} + 1h;

} // namespace

TEST_CASE("a session keeps its worker until it gets another one [B3]") {
  auto uut = session_table{};
  CHECK(!uut.find("s", start));
  uut.bind("s", {1, 7}, start);
  uut.bind("t", {2, 1}, start);
  REQUIRE(uut.find("s", start));
  CHECK(uut.find("s", start)->worker == worker_id{1, 7});
  CHECK(uut.find("t", start)->worker == worker_id{2, 1});
  uut.find("s", start)->firm = true;
  uut.bind("s", {1, 8}, start);
  CHECK(uut.find("s", start)->worker == worker_id{1, 8});
  CHECK(!uut.find("s", start)->firm); // that was said of the other one
  CHECK(uut.size() == 2);
  uut.forget("s");
  uut.forget("never there");
  CHECK(!uut.find("s", start));
  CHECK(uut.size() == 1);
}

TEST_CASE("what nobody has used for an hour is forgotten [B3]") {
  auto uut = session_table{};
  uut.bind("idle", {}, start);
  uut.bind("used", {}, start);
  CHECK(uut.find("used", start + 59min));
  CHECK(!uut.find("idle", start + 60min));
  CHECK(uut.size() == 1);
  CHECK(uut.find("used", start + 118min));
  uut.bind("new", {}, start + 178min);
  CHECK(uut.size() == 1);
}

TEST_CASE("of too many the one that was used least recently goes [B3]") {
  auto uut = session_table{3};
  for (auto* x : {"a", "b", "c"})
    uut.bind(x, {}, start);
  CHECK(uut.find("a", start));
  uut.bind("d", {}, start);
  CHECK(uut.size() == 3);
  CHECK(!uut.find("b", start));
  CHECK(uut.find("a", start));
  uut.bind("a", {4, 4}, start); // it has its place
  CHECK(uut.find("c", start));
  CHECK(uut.find("d", start));
}

TEST_CASE("there are ten thousand at most [B3]") {
  auto uut = session_table{};
  for (int i = 0; i < 10'100; ++i)
    uut.bind(std::to_string(i), {static_cast<uint32_t>(i), 1}, start);
  CHECK(uut.size() == 10'000);
  CHECK(!uut.find("99", start));
  CHECK(uut.find("100", start)->worker.slot == 100);
}

TEST_CASE("the table does what a list would, over any sequence of operations [B3]") {
  struct entry {
    std::string session;
    worker_id worker;
    time_point used;
  };
  constexpr auto most = size_t{5};
  constexpr auto idle = 20s;
  CHECK(test::holds(2000, [&](const std::vector<std::tuple<uint8_t, uint8_t, uint8_t>>& steps) {
    auto uut = session_table{most, idle};
    auto list = std::vector<entry>{}; // the one that was used last comes last
    auto now = start;
    auto use = [&](const std::string& session) {
      std::erase_if(list, [&](auto& x) { return x.used + idle <= now; });
      auto i = std::ranges::find(list, session, &entry::session);
      if (i == list.end())
        return false;
      i->used = now;
      std::rotate(i, i + 1, list.end());
      return true;
    };
    for (auto& [what, a, b] : steps) {
      auto session = std::to_string(a % 8);
      auto worker = worker_id{b % 4u, b};
      switch (what % 8) {
      case 0:
      case 1:
      case 2: {
        auto* found = uut.find(session, now);
        auto there = use(session);
        RC_ASSERT((found != nullptr) == there);
        if (there)
          RC_ASSERT((found->worker == list.back().worker));
        break;
      }
      case 3:
      case 4:
      case 5: {
        auto& bound = uut.bind(session, worker, now);
        RC_ASSERT((bound.worker == worker));
        if (!use(session)) {
          if (list.size() == most)
            list.erase(list.begin());
          list.push_back({session, {}, now});
        }
        list.back().worker = worker;
        RC_ASSERT(uut.size() == list.size());
        break;
      }
      case 6:
        uut.forget(session);
        std::erase_if(list, [&](auto& x) { return x.session == session; });
        break;
      default:
        now += std::chrono::seconds{b % 25};
      }
    }
  }));
}

TEST_SUITE_END();
