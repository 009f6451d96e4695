#include "actors/core/crash_barrier.hpp"
#include "actors/core/crash_rate.hpp"

#include <csignal>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace std::chrono_literals;
using core::crash;
using core::crash_barrier;

TEST_SUITE_BEGIN("crash_barrier");

namespace {

const auto begun = core::time_point{} + 1h;

crash crash_by(int signal, const char* oom = "no") {
  auto x = death_certificate{};
  x.signal = signal;
  x.oom = oom;
  return core::crash_of(x);
}

} // namespace

TEST_CASE("a crash is told by its signal, its want of memory or its exit [F3]") {
  CHECK(crash_by(SIGSEGV) == crash::segfault);
  CHECK(crash_by(SIGBUS) == crash::segfault);
  CHECK(crash_by(SIGABRT) == crash::abort);
  CHECK(crash_by(SIGKILL) == crash::signal);
  CHECK(crash_by(SIGKILL, "yes") == crash::oom);
  CHECK(crash_by(SIGKILL, "likely") == crash::oom);
  CHECK(crash_by(SIGKILL, "unknown") == crash::signal);
  auto x = death_certificate{};
  CHECK(core::crash_of(x) == crash::none); // nobody knows
  x.exit_code = 0;
  CHECK(core::crash_of(x) == crash::exit);
  CHECK(to_string(crash::exit) == "exit");
  CHECK(to_string(crash::none).empty());
}

TEST_CASE("what we end does not crash [F3]") {
  for (auto* because : {"deadline", "recycle", "shutdown", "heartbeat", "memory"}) {
    auto x = death_certificate{};
    x.ended_by_us = because;
    x.signal = SIGKILL;
    CHECK(core::crash_of(x) == crash::none);
  }
}

TEST_CASE("a slot is tainted for its time [F3]") {
  auto uut = crash_barrier{{true, 60s, 20}};
  CHECK(!uut.any());
  CHECK(uut.next_due() == core::never);
  CHECK(uut.taint(2, crash::segfault, begun));
  CHECK(uut.any());
  CHECK(uut.tainted(2) == crash::segfault);
  CHECK(uut.tainted(0) == crash::none);
  CHECK(uut.tainted(99) == crash::none);
  CHECK(uut.next_due() == begun + 60s);
  CHECK(uut.take_due(begun + 59s).empty());
  CHECK(uut.take_due(begun + 60s) == std::vector<uint32_t>{2});
  CHECK(!uut.any());
  CHECK(uut.take_due(begun + 61s).empty());
}

TEST_CASE("calls that succeed clear it, and only those since the last crash [F3]") {
  auto uut = crash_barrier{{true, 60s, 20}};
  uut.taint(0, crash::abort, begun);
  CHECK(!uut.note_good(0, 19));
  CHECK(!uut.note_good(1, 100));
  uut.taint(0, crash::exit, begun + 30s);
  CHECK(uut.tainted(0) == crash::exit);
  CHECK(uut.next_due() == begun + 90s);
  CHECK(!uut.note_good(0, 19));
  CHECK(uut.note_good(0, 1));
  CHECK(!uut.any());
  CHECK(!uut.note_good(0, 1));
}

TEST_CASE("switched off it taints nothing [F3]") {
  auto uut = crash_barrier{{false, 60s, 20}};
  CHECK(!uut.taint(0, crash::segfault, begun));
  CHECK(!uut.any());
  auto on = crash_barrier{};
  CHECK(!on.taint(0, crash::none, begun));
  CHECK(!on.any());
}

TEST_CASE("so many crashes within the window are too many, until fewer are in it [F5]") {
  auto uut = core::crash_rate{{60s, 3}};
  CHECK(!uut.note(begun));
  CHECK(!uut.note(begun + 30s));
  CHECK(!uut.too_high());
  CHECK(uut.note(begun + 59s));
  CHECK(uut.too_high());
  CHECK(uut.next_due() == begun + 60s);
  CHECK(!uut.note(begun + 59s)); // still
  CHECK(uut.next_due() == begun + 90s);
  uut.look(begun + 89s);
  CHECK(uut.too_high());
  uut.look(begun + 90s);
  CHECK(!uut.too_high());
  CHECK(uut.next_due() == core::never);
  CHECK(uut.note(begun + 100s));
}

TEST_CASE("crashes apart from each other are not too many, nor is any number if it is off [F5]") {
  auto uut = core::crash_rate{{60s, 2}};
  for (int i = 0; i < 10; ++i)
    CHECK(!uut.note(begun + i * 60s));
  auto off = core::crash_rate{{60s, 0}};
  for (int i = 0; i < 1000; ++i)
    CHECK(!off.note(begun));
  off.look(begun);
  CHECK(!off.too_high());
}

TEST_SUITE_END();
