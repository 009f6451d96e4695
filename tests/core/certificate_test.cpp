#include "actors/core/exit_verdict.hpp"

#include <csignal>

#include <doctest/doctest.h>

using namespace snakepit;
using core::attach_stacks;
using core::judge;
using core::judge_memory;
using core::memory_evidence;

TEST_SUITE_BEGIN("certificate");

namespace {

death_certificate ended(int signal, const memory_evidence& seen = {}, std::string ours = {},
                        uint64_t rss = 0) {
  auto x = death_certificate{};
  x.ended_by_us = std::move(ours);
  x.max_rss_bytes = rss;
  judge(x, true, 0, signal);
  judge_memory(x, seen);
  return x;
}

const std::string dump = "Current thread 0x1 (most recent call first):\n"
                         "  File \"a.py\", line 1 in f\n";

} // namespace

TEST_CASE("want of memory is judged by what the kernel counted [W9]") {
  struct row {
    const char* what;
    int signal;
    memory_evidence seen;
    const char* ours;
    uint64_t rss;
    const char* verdict;
    const char* cause;
  };
  auto group = [](uint64_t before, uint64_t after) {
    return memory_evidence{"/cg/memory.events", before, after, 5, 5, 0};
  };
  auto machine = [](uint64_t before, uint64_t after) {
    return memory_evidence{"", {}, {}, before, after, 0};
  };
  auto unread = memory_evidence{"", {}, {}, {}, {}, 100};
  for (auto& x : {
         row{"its group lost one", SIGKILL, group(3, 4), "", 0, "yes", "out of memory"},
         row{"its group lost none", SIGKILL, group(3, 3), "", 0, "no", "SIGKILL"},
         row{"the machine lost one, groups are not known", SIGKILL, machine(1, 2), "", 0, "likely",
             "SIGKILL"},
         row{"the machine lost none", SIGKILL, machine(2, 2), "", 0, "no", "SIGKILL"},
         row{"nothing can be read, it was at its limit", SIGKILL, unread, "", 95, "likely",
             "SIGKILL"},
         row{"nothing can be read, it was far from it", SIGKILL, unread, "", 10, "unknown",
             "SIGKILL"},
         row{"nothing can be read, no limit is known", SIGKILL, {}, "", 10, "unknown", "SIGKILL"},
         row{"it was us", SIGKILL, group(3, 4), "deadline", 0, "no", "ended by us: deadline"},
         row{"it crashed", SIGSEGV, group(3, 4), "", 0, "no", "SIGSEGV"},
       }) {
    INFO(x.what);
    auto got = ended(x.signal, x.seen, x.ours, x.rss);
    CHECK(got.oom == x.verdict);
    CHECK(got.cause == x.cause);
  }
  auto yes = ended(SIGKILL, group(3, 5));
  CHECK(yes.oom_evidence
        == "the kernel killed 2 processes of its control group for want of memory, says "
           "/cg/memory.events");
  CHECK(core::describe_end(yes) == "was killed by the kernel for want of memory");
}

TEST_CASE("who sent a signal is said as far as can be told [W9]") {
  CHECK(ended(SIGKILL, {}, "deadline").sent_by == "us");
  CHECK(ended(SIGKILL, {"f", 1, 2, {}, {}, 0}).sent_by == "the kernel, for want of memory");
  CHECK(ended(SIGKILL, {"f", 1, 1, {}, {}, 0}).sent_by.starts_with("somebody unknown"));
  CHECK(ended(SIGSEGV).sent_by.starts_with("the kernel for a fault of its code"));
  CHECK(ended(SIGABRT).sent_by.starts_with("its own code, by abort()"));
  CHECK(ended(SIGTERM).sent_by.starts_with("somebody unknown"));
  auto exited = death_certificate{};
  judge(exited, true, 3, 0);
  judge_memory(exited, {});
  CHECK(exited.sent_by.empty());
  CHECK(exited.oom == "no");
}

TEST_CASE("stacks of a crash come from its own file, else from stderr [W9]") {
  auto x = ended(SIGSEGV);
  attach_stacks(x, "Fatal Python error: Segmentation fault\n\n" + dump, "", nullptr);
  CHECK(x.stacks.fatal == "Segmentation fault");
  CHECK(x.stacks.python.size() == 1);
  auto theirs = ended(SIGABRT);
  attach_stacks(theirs, "", "hello\nFatal Python error: Aborted\n\n" + dump, nullptr);
  CHECK(theirs.stacks.fatal == "Aborted");
  auto none = ended(SIGSEGV);
  attach_stacks(none, dump, "", nullptr); // asked for long before
  CHECK(none.stacks.python.empty());
  CHECK(none.stacks.note
        == "Python wrote no stack: the signal came where its handler could not run.");
}

TEST_CASE("stacks that were taken are those of an end of ours only [W9]") {
  auto taken = core::parse_stacks(dump);
  auto ours = ended(SIGKILL, {}, "deadline");
  attach_stacks(ours, "", "", &taken);
  CHECK(ours.stacks.python.size() == 1);
  auto not_ours = ended(SIGKILL);
  attach_stacks(not_ours, dump, "", &taken);
  CHECK(not_ours.stacks.empty());
}

TEST_CASE("a certificate for people says it all in a few lines [W9]") {
  auto x = ended(SIGSEGV);
  x.pool = "default";
  x.slot = 2;
  x.generation = 7;
  x.pid = 4711;
  x.running = {{"boom", 5, std::chrono::milliseconds{20}}};
  x.age = std::chrono::seconds{75};
  x.calls_done = 1;
  x.calls_in_flight = 3;
  x.user_time = std::chrono::milliseconds{1500};
  x.max_rss_bytes = 34 << 20;
  x.last_stderr = "one\ntwo\n";
  attach_stacks(x, "Fatal Python error: Segmentation fault\n\n" + dump, "", nullptr);
  CHECK(to_text(x)
        == "worker default/2.7 (pid 4711) died by SIGSEGV\n"
           "  cause: SIGSEGV, sent by the kernel for a fault of its code, most likely\n"
           "  ran: `boom` for 0.02 s (call 5)\n"
           "  lived 75 s, 1 call done, 3 in flight; used 1.50 s of processors, 34 MiB of memory at "
           "most\n"
           "  Python stack at the fatal error, most recent call first:\n"
           "      File \"a.py\", line 1, in f\n"
           "  last words on stderr:\n"
           "    one\n"
           "    two");
  CHECK(to_text(x, false).find("last words") == std::string::npos);
}

TEST_SUITE_END();
