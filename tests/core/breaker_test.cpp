#include "actors/core/breaker.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::breaker;
using core::call_end;
using way = core::call_end::way;
using state = core::circuit::state;

TEST_SUITE_BEGIN("breaker");

namespace {

constexpr uint32_t work = 0, other_tool = 3;
const auto breaker_t0 = core::time_point{} + 1h;

struct breaker_fixture {
  breaker_config rules{.enabled = true, .failures = 3, .reset = 10s, .half_open = 1};
  std::optional<breaker> made;
  core::time_point now = breaker_t0;
  uint64_t last_id = 0;

  breaker& uut() {
    if (!made)
      made.emplace(rules);
    return *made;
  }

  core::call make(uint32_t tool = work) {
    auto x = core::call{};
    x.id = ++last_id;
    x.tool = tool;
    return x;
  }

  bool refused(uint32_t tool = work) {
    return uut().refuses(make(tool), now).has_value();
  }

  /// A call that is let in.
  core::call begin(uint32_t tool = work) {
    auto x = make(tool);
    REQUIRE(!uut().refuses(x, now));
    uut().admit(x, now);
    return x;
  }

  void end(const core::call& x, way how) {
    auto ends = std::vector<call_end>{};
    core::note_end(ends, x, how);
    uut().note(ends, now);
  }

  void call(way how, uint32_t tool = work, int times = 1) {
    for (int i = 0; i < times; ++i)
      end(begin(tool), how);
  }

  std::vector<std::pair<uint32_t, state>> news() {
    auto out = std::vector<std::pair<uint32_t, state>>{};
    for (auto& x : uut().take_news())
      out.emplace_back(x.tool, x.now);
    return out;
  }
};

using changes = std::vector<std::pair<uint32_t, state>>;

} // namespace

TEST_CASE_FIXTURE(breaker_fixture, "failures in a row open a tool's circuit, for it alone [F2]") {
  call(way::raised, work, 2);
  CHECK(!refused());
  CHECK(uut().all_closed());
  call(way::late);
  CHECK(refused());
  CHECK(!refused(other_tool));
  CHECK(!uut().all_closed());
  CHECK(news() == changes{{work, state::open}});
  CHECK(news().empty());
}

TEST_CASE_FIXTURE(breaker_fixture,
                  "a success closes the row, also one in the middle of a batch [F2]") {
  uut().note({{work, way::raised, 2, 0}, {work, way::answered, 1, 0}, {work, way::raised, 2, 0}},
             now);
  CHECK(!refused());
  uut().note({{work, way::raised, 1, 0}, {work, way::answered, 9, 0}}, now);
  CHECK(refused()); // three in a row there were
}

TEST_CASE_FIXTURE(breaker_fixture, "the failures of one tool are not another's [F2]") {
  call(way::raised, work, 2);
  call(way::raised, other_tool, 2);
  call(way::answered, other_tool);
  call(way::raised, work);
  CHECK(refused(work));
  CHECK(!refused(other_tool));
}

TEST_CASE_FIXTURE(breaker_fixture, "what says nothing of a tool counts neither way [F2]") {
  call(way::raised, work, 2);
  call(way::other, work, 5);
  CHECK(!refused());
  call(way::raised);
  CHECK(refused());
}

TEST_CASE_FIXTURE(breaker_fixture,
                  "lost workers open the pool's circuit, whatever the tools [F2]") {
  for (uint32_t tool = 0; tool < 3; ++tool)
    call(way::lost, tool);
  CHECK(refused(other_tool));
  CHECK(uut().refuses(make(), now)->tool == breaker::whole_pool);
  CHECK(news() == changes{{breaker::whole_pool, state::open}});
}

TEST_CASE_FIXTURE(breaker_fixture, "an exception shows that the worker lives [F2]") {
  call(way::lost, 0);
  call(way::lost, 1);
  call(way::raised, 2);
  call(way::lost, 4);
  CHECK(uut().all_closed());
}

TEST_CASE_FIXTURE(breaker_fixture, "a death is one failure, however many calls it cost [F2]") {
  auto ends = std::vector<call_end>(8, call_end{work, way::lost, 1, 0});
  uut().note_loss(ends, now);
  uut().note_loss(ends, now);
  CHECK(uut().all_closed());
  uut().note_loss({{other_tool, way::other, 1, 0}, {work, way::lost, 1, 0}}, now);
  CHECK(news() == changes{{breaker::whole_pool, state::open}, {work, state::open}});
}

TEST_CASE_FIXTURE(breaker_fixture, "a refusal says until when, and by which circuit [F2]") {
  call(way::raised, work, 3);
  now += 4s;
  auto why = uut().refuses(make(), now);
  REQUIRE(why);
  CHECK(why->tool == work);
  CHECK(why->failures == 3);
  CHECK(why->left == 6s);
  CHECK(why->state == state::open);
  now += 6s - 1ns;
  CHECK(refused());
  now += 1ns;
  CHECK(!refused());
}

TEST_CASE_FIXTURE(breaker_fixture, "after the reset one call is let through, and closes it [F2]") {
  call(way::raised, work, 3);
  now += 10s;
  auto trial = begin();
  CHECK(trial.trial);
  CHECK(refused());
  CHECK(uut().refuses(make(), now)->state == state::half_open);
  CHECK(uut().refuses(make(), now)->left == 10s);
  CHECK(!uut().refuses(trial, now)); // it has its place
  now += 2s;
  end(trial, way::answered);
  CHECK(uut().all_closed());
  CHECK(!begin().trial);
  auto told = uut().take_news();
  REQUIRE(told.size() == 3);
  CHECK(told[1].now == state::half_open);
  CHECK(told[2].now == state::closed);
  CHECK(told[2].open_for == 12s);
}

TEST_CASE_FIXTURE(breaker_fixture, "a trial that fails opens it for as long again [F2]") {
  call(way::raised, work, 3);
  now += 10s;
  end(begin(), way::late);
  CHECK(refused());
  CHECK(uut().refuses(make(), now)->left == 10s);
  CHECK(uut().refuses(make(), now)->failures == 4);
  now += 10s;
  call(way::answered);
  CHECK(!refused());
}

TEST_CASE_FIXTURE(breaker_fixture, "of several trials all must succeed [F2]") {
  rules.half_open = 3;
  call(way::raised, work, 3);
  now += 10s;
  auto a = begin();
  end(a, way::answered);
  auto b = begin();
  auto c = begin();
  CHECK(refused());
  end(b, way::answered);
  CHECK(refused()); // two passed, one is out
  SUBCASE("one fails") {
    end(c, way::raised);
    CHECK(uut().refuses(make(), now)->state == state::open);
  }
  SUBCASE("the last succeeds") {
    end(c, way::answered);
    CHECK(uut().all_closed());
  }
}

TEST_CASE_FIXTURE(breaker_fixture, "a trial that says nothing gives its place back [F2]") {
  call(way::raised, work, 3);
  now += 10s;
  end(begin(), way::other);
  CHECK(!refused());
  end(begin(), way::answered);
  CHECK(uut().all_closed());
}

TEST_CASE_FIXTURE(breaker_fixture,
                  "a trial that does not end leaves its place, and still counts [F2]") {
  call(way::raised, work, 3);
  now += 10s;
  auto slow = begin();
  now += 10s;
  auto next = begin();
  CHECK(refused());
  SUBCASE("it succeeds after all") {
    end(slow, way::answered);
    CHECK(uut().all_closed());
    end(next, way::raised); // one failure of a closed circuit
    CHECK(uut().all_closed());
  }
  SUBCASE("it fails") {
    end(slow, way::lost);
    CHECK(uut().refuses(make(), now)->state == state::open);
    end(next, way::answered); // comes too late
    CHECK(refused());
  }
}

TEST_CASE_FIXTURE(breaker_fixture, "trials that never end do not pile up [F2]") {
  call(way::raised, work, 3);
  for (int i = 0; i < 1000; ++i) {
    now += 10s;
    begin();
  }
  CHECK(refused());
  now += 10s;
  call(way::answered);
  CHECK(uut().all_closed());
}

TEST_CASE_FIXTURE(breaker_fixture, "calls that began before it opened count no more [F2]") {
  auto old = begin();
  call(way::raised, work, 3);
  end(old, way::answered);
  CHECK(refused());
  now += 10s;
  auto trial = begin();
  end(old, way::raised);
  end(trial, way::answered);
  CHECK(uut().all_closed());
}

TEST_CASE_FIXTURE(breaker_fixture, "one call may be the trial of its tool and of the pool [F2]") {
  call(way::lost, work, 3);
  CHECK(news() == changes{{breaker::whole_pool, state::open}, {work, state::open}});
  now += 10s;
  auto trial = begin();
  SUBCASE("it succeeds for both") {
    end(trial, way::answered);
    CHECK(uut().all_closed());
  }
  SUBCASE("an exception is good enough for the pool only") {
    end(trial, way::raised);
    CHECK(refused(work));
    CHECK(!refused(other_tool));
  }
}

TEST_CASE_FIXTURE(breaker_fixture, "listed are the pool and the tools that were ever open [F2]") {
  call(way::raised, 5, 3);
  call(way::raised, 2, 1);
  auto list = uut().list(now);
  REQUIRE(list.size() == 2);
  CHECK(list[0].tool == breaker::whole_pool);
  CHECK(list[0].state == state::closed);
  CHECK(list[1].tool == 5);
  CHECK(list[1].state == state::open);
  CHECK(list[1].left == 10s);
  now += 10s;
  CHECK(uut().list(now)[1].state == state::half_open);
  call(way::answered, 5);
  CHECK(uut().list(now)[1].state == state::closed);
  CHECK(uut().list(now)[1].failures == 0);
}

TEST_CASE("ends of one tool and kind are told as one, a trial by itself [F2]") {
  auto ends = std::vector<call_end>{};
  auto x = core::call{};
  x.tool = 1;
  x.id = 9;
  for (auto how : {way::answered, way::answered, way::other, way::answered, way::raised})
    core::note_end(ends, x, how);
  x.trial = true;
  core::note_end(ends, x, way::raised);
  core::note_end(ends, x, way::other);
  REQUIRE(ends.size() == 4);
  CHECK(ends[0].count == 3);
  CHECK(ends[1].count == 1);
  CHECK(ends[2].trial == 9);
  CHECK(ends[3].how == way::other);
}

TEST_CASE("a group whose calls all fail has failed once [F2, Q8]") {
  auto ends = std::vector<call_end>{};
  auto x = core::call{};
  x.tool = 1;
  for (auto joined : {false, true, true, false, true})
    core::note_end(ends, x, way::raised, joined);
  for (auto joined : {false, true, true})
    core::note_end(ends, x, way::answered, joined);
  core::note_end(ends, x, way::raised, true);
  REQUIRE(ends.size() == 3);
  CHECK(ends[0].count == 2);
  CHECK(ends[1].count == 3);
  CHECK(ends[2].count == 1);
}

TEST_CASE("losses count unless another call, or nobody, was to blame [F2]") {
  auto killed = [](const char* because) {
    return core::way_of_loss({reason::worker_killed, "", {{"because", because}}});
  };
  CHECK(core::way_of_loss({reason::worker_crashed, ""}) == way::lost);
  CHECK(core::way_of_loss({reason::worker_hung, ""}) == way::lost);
  CHECK(killed("memory") == way::lost);
  CHECK(killed("protocol") == way::lost);
  CHECK(killed("deadline") == way::other);
  CHECK(killed("cancel") == way::other);
  CHECK(killed("recycle") == way::other);
  CHECK(core::way_of(payload{}) == way::answered);
  CHECK(core::way_of(fail(reason::python_exception, "")) == way::raised);
  CHECK(core::way_of(fail(reason::too_large, "")) == way::other);
}

TEST_SUITE_END();
