#include "actors/core/exit_verdict.hpp"

#include <csignal>
#include <memory>

#include <doctest/doctest.h>

using namespace snakepit;
using core::describe_end;
using core::judge;
using core::lost_call;
using core::lost_start;
using core::signal_name;

TEST_SUITE_BEGIN("exit_verdict");

namespace {

auto verdict(bool known, int code, int signal, std::string ours = {}) {
  auto x = std::make_shared<death_certificate>();
  x->ended_by_us = std::move(ours);
  judge(*x, known, code, signal);
  return x;
}

} // namespace

TEST_CASE("signals have their names, others their numbers") {
  CHECK(signal_name(SIGSEGV) == "SIGSEGV");
  CHECK(signal_name(SIGKILL) == "SIGKILL");
  CHECK(signal_name(SIGABRT) == "SIGABRT");
  CHECK(signal_name(SIGBUS) == "SIGBUS");
  CHECK(signal_name(SIGSYS) == "SIGSYS");
  CHECK(signal_name(99) == "signal 99");
}

TEST_CASE("an exit is judged by its code, 0 included") {
  for (auto code : {0, 3, 255}) {
    auto x = verdict(true, code, 0);
    CHECK(x->cause == "exit " + std::to_string(code));
    CHECK(x->exit_code == code);
    CHECK(x->signal == 0);
    CHECK(x->signal_name.empty());
    CHECK(describe_end(*x) == "exited with code " + std::to_string(code));
  }
}

TEST_CASE("a worker that went with its template says so [W3]") {
  auto x = death_certificate{};
  judge(x, false, 0, 0, true);
  CHECK(x.cause == "template_died");
  CHECK_FALSE(x.exit_code);
  CHECK(describe_end(x) == "ended with the template that it was forked from");
  auto ours = death_certificate{};
  ours.ended_by_us = "deadline";
  judge(ours, false, 0, 0, true);
  CHECK(ours.cause == "ended by us: deadline");
}

TEST_CASE("what the machine was short of is told from other failed starts [W10]") {
  auto with = [](std::string key, std::string text) {
    return error{reason::worker_start_failed, "x", {{std::move(key), std::move(text)}}};
  };
  for (auto number : {"EAGAIN", "EMFILE", "ENFILE", "ENOMEM"}) {
    CHECK(core::is_shortage(with("errno", number)));
    CHECK_FALSE(core::is_for_good(with("errno", number)));
  }
  CHECK(core::is_shortage(with("phase", "threads")));
  CHECK_FALSE(core::is_shortage(with("errno", "ENOENT")));
  CHECK(core::is_for_good(with("errno", "ENOENT")));
  CHECK_FALSE(core::is_shortage(with("phase", "import")));
  CHECK_FALSE(core::is_shortage({reason::worker_start_failed, "x"}));
}

TEST_CASE("the limit of processor time is named as the cause [W3]") {
  auto x = verdict(true, 0, SIGXCPU);
  CHECK(x->cause == "SIGXCPU");
  CHECK(describe_end(*x).find("limits.cpu_seconds") != std::string::npos);
}

TEST_CASE("a signal is named and leaves no exit code") {
  auto x = verdict(true, 0, SIGSEGV);
  CHECK(x->cause == "SIGSEGV");
  CHECK(x->signal == SIGSEGV);
  CHECK(x->signal_name == "SIGSEGV");
  CHECK_FALSE(x->exit_code.has_value());
  CHECK(describe_end(*x) == "died by SIGSEGV");
}

TEST_CASE("an end that nobody saw is unknown, whatever the numbers say") {
  auto x = verdict(false, 3, SIGSEGV);
  CHECK(x->cause == "unknown");
  CHECK(x->signal == 0);
  CHECK_FALSE(x->exit_code.has_value());
  CHECK(describe_end(*x) == "ended for an unknown reason");
}

TEST_CASE("our own kill is told from anybody else's") {
  auto ours = verdict(true, 0, SIGKILL, "deadline");
  CHECK(ours->cause == "ended by us: deadline");
  CHECK(ours->signal == SIGKILL);
  CHECK(describe_end(*ours) == "was ended by us (deadline)");
  auto unseen = verdict(false, 0, 0, "deadline");
  CHECK(unseen->cause == "ended by us: deadline");
  CHECK(verdict(true, 0, SIGKILL)->cause == "SIGKILL");
  CHECK(describe_end(*verdict(true, 0, SIGKILL)) == "died by SIGKILL");
}

TEST_CASE("a crash that was faster than our kill is the worker's own") {
  auto x = verdict(true, 0, SIGSEGV, "deadline");
  CHECK(x->cause == "SIGSEGV");
  CHECK(x->ended_by_us.empty());
  CHECK(describe_end(*x) == "died by SIGSEGV");
  CHECK(lost_call("parse", x, false).reason == reason::worker_crashed);
}

TEST_CASE("a call that ran when its worker crashed names tool, cause and certificate [Q7]") {
  auto x = verdict(true, 0, SIGSEGV);
  auto e = lost_call("parse", x, false);
  CHECK(e.reason == reason::worker_crashed);
  CHECK(e.message == "the worker died by SIGSEGV while it ran `parse`");
  CHECK(e.details.at("tool") == "parse");
  CHECK(e.details.at("cause") == "SIGSEGV");
  CHECK_FALSE(e.details.contains("because"));
  CHECK(e.certificate == x);
  CHECK_FALSE(e.retryable); // only if it is idempotent, which is not known here
}

TEST_CASE("a call that ran when its worker was ended as hung says so [W6, W7]") {
  for (auto because : {"heartbeat", "health"}) {
    auto e = lost_call("parse", verdict(true, 0, SIGKILL, because), false);
    CHECK(e.reason == reason::worker_hung);
    CHECK(e.details.at("because") == because);
  }
  CHECK(lost_call("parse", verdict(true, 0, SIGKILL, "deadline"), false).reason
        == reason::worker_killed);
}

TEST_CASE("a call whose run was over is said to have lost its result") {
  auto e = lost_call("parse", verdict(true, 1, 0), true);
  CHECK(e.message == "the worker exited with code 1 before the result arrived of `parse`");
}

TEST_CASE("a call that died by our hand says why [Q7]") {
  auto e = lost_call("parse", verdict(true, 0, SIGKILL, "memory"), false);
  CHECK(e.reason == reason::worker_killed);
  CHECK(e.message == "the worker was ended by us (memory) while it ran `parse`");
  CHECK(e.details.at("because") == "memory");
}

TEST_CASE("a call that died since another one was to end names that one [Q5]") {
  auto x = std::make_shared<death_certificate>();
  x->ended_by_us = "deadline";
  x->running_tool = "slow";
  x->running_tools = {"fast", "slow"};
  judge(*x, true, 0, SIGKILL);
  auto e = lost_call("fast", x, false);
  CHECK(e.reason == reason::worker_killed);
  CHECK(e.message == "the worker was ended by us (deadline) because of `slow` while it ran `fast`");
  CHECK(e.details.at("because") == "deadline");
  CHECK(e.details.at("culprit") == "slow");
  x->ended_by_us = "shutdown";
  CHECK_FALSE(lost_call("fast", x, false).details.contains("culprit"));
}

TEST_CASE("a start that was lost names what the worker did and how it ended [W10]") {
  auto x = verdict(true, 70, 0);
  auto e = lost_start("loaded its adapter", x);
  CHECK(e.reason == reason::worker_start_failed);
  CHECK(e.message == "the worker exited with code 70 while it loaded its adapter");
  CHECK(e.details.at("cause") == "exit 70");
  CHECK(e.certificate == x);
  CHECK(e.retryable);
}

TEST_SUITE_END();
