#include "tests/system/chaos_ledger.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using namespace snakepit::test;

/// What scripts/chaos judges by must see what is wrong.

namespace {

outcome result_of(const std::string& text) {
  return payload{false, text};
}

outcome end_by(reason why, const std::string& cause = {}, const std::string& tool = "echo") {
  auto x = error{why, "text", {{"tool", tool}}};
  if (!cause.empty()) {
    auto certificate = std::make_shared<death_certificate>();
    certificate->cause = cause;
    x.certificate = std::move(certificate);
  }
  return tl::unexpected{std::move(x)};
}

/// Whether a ledger is clean in which one call ended so.
bool is_clean(const outcome& end, bool cancelled = false) {
  chaos_ledger uut;
  uut.note({"echo", "7", cancelled}, end);
  return uut.is_clean(1);
}

} // namespace

TEST_SUITE_BEGIN("chaos ledger");

TEST_CASE("a result of its own and a fair error are no fault [RL-1]") {
  CHECK(is_clean(result_of("7")));
  CHECK(is_clean(end_by(reason::deadline_exceeded)));
  CHECK(is_clean(end_by(reason::worker_crashed, "SIGSEGV")));
  CHECK(is_clean(end_by(reason::cancelled), true));
}

TEST_CASE("a call without an answer, with two, or with another's is seen [RL-1]") {
  chaos_ledger lost;
  CHECK_FALSE(lost.is_clean(1));
  chaos_ledger doubled;
  auto call = chaos_call{"echo", "7"};
  CHECK(doubled.note(call, result_of("7")));
  CHECK_FALSE(doubled.note(call, result_of("7")));
  CHECK_FALSE(doubled.is_clean(1));
  CHECK_FALSE(is_clean(result_of("8")));
}

TEST_CASE("an end that nothing here can be the cause of is seen [RL-1]") {
  CHECK_FALSE(is_clean(end_by(reason::internal)));
  CHECK_FALSE(is_clean(end_by(reason::cancelled)));
  CHECK_FALSE(is_clean(end_by(reason::worker_crashed)));
  CHECK_FALSE(is_clean(end_by(reason::worker_crashed, "SIGBUS")));
  CHECK_FALSE(is_clean(end_by(reason::worker_killed, "SIGKILL")));
  CHECK_FALSE(is_clean(end_by(reason::worker_crashed, "SIGSEGV", "nap")));
}

TEST_SUITE_END();
