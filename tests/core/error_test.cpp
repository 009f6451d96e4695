#include <snakepit/error.hpp>

#include <string_view>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace snakepit;
using nlohmann::json;

TEST_CASE("an error is one line for people [E4]") {
  CHECK(to_string(error{reason::pool_not_found, "no pool `a`"}) == "pool_not_found: no pool `a`");
  CHECK(to_string(error{reason::internal, ""}) == "internal");
  CHECK(to_string(error{reason::python_exception, "a\nb\tc"}) == "python_exception: a b c");
}

TEST_CASE("an error is an object for programs, its words first [E4]") {
  error x{reason::pool_saturated, "full", {{"retry_after", "12ms"}}};
  CHECK(to_json(x)
        == R"({"category":"pool","reason":"pool_saturated","message":"full",)"
           R"("retryable":true,"details":{"retry_after":"12ms"}})");
  CHECK(json::parse(to_json(error{}))["details"] == json::object());
}

TEST_CASE("a Python exception is in the object with its traceback and cause [E4]") {
  error x{reason::python_exception, "boom"};
  x.python.emplace();
  x.python->type = "ValueError";
  x.python->message = "boom";
  x.python->frames = {{"tool.py", 3, "parse", "raise ValueError('boom')"}};
  auto cause = std::make_shared<python_error>();
  cause->type = "KeyError";
  x.python->cause = cause;
  auto got = json::parse(to_json(x))["python"];
  CHECK(got == json::parse(R"json({"type": "ValueError", "message": "boom", "traceback":
    [{"file": "tool.py", "line": 3, "function": "parse", "text": "raise ValueError('boom')"
}],
    "cause": {
  "type" : "KeyError", "message" : "", "traceback" : []
}
})json"));
}

TEST_CASE("a long chain of causes is cut [E4]") {
  error x{reason::python_exception, "boom"};
  auto cause = std::make_shared<python_error>();
  for (int i = 0; i < 1000; ++i) {
    auto outer = std::make_shared<python_error>();
    outer->cause = cause;
    cause = outer;
  }
  x.python = *cause;
  auto got = json::parse(to_json(x))["python"];
  int depth = 0;
  for (auto* p = &got; p->contains("cause"); p = &p->at("cause"))
    ++depth;
  CHECK(depth == 16);
}

TEST_CASE("a certificate is in the object [E4]") {
  error x{reason::worker_crashed, "died"};
  auto certificate = std::make_shared<death_certificate>();
  certificate->pool = "default";
  certificate->slot = 2;
  certificate->generation = 7;
  certificate->pid = 4711;
  certificate->cause = "signal SIGSEGV";
  certificate->signal = 11;
  certificate->signal_name = "SIGSEGV";
  certificate->running_tool = "boom";
  certificate->age = std::chrono::milliseconds{1500};
  certificate->calls_done = 9;
  certificate->last_stderr = "bye";
  x.certificate = certificate;
  certificate->id = "run/default/2.7";
  certificate->sent_by = "somebody";
  certificate->oom = "no";
  certificate->oom_evidence = "counted";
  certificate->running = {{"boom", 5, std::chrono::milliseconds{20}}};
  certificate->phase = "ready";
  certificate->calls_in_flight = 3;
  certificate->user_time = std::chrono::microseconds{10};
  certificate->system_time = std::chrono::microseconds{11};
  certificate->max_rss_bytes = 12;
  CHECK(json::parse(to_json(x))["certificate"] == json::parse(R"({"id": "run/default/2.7",
    "pool": "default", "slot": 2, "generation": 7, "pid": 4711, "cause": "signal SIGSEGV",
    "signal": 11, "signal_name": "SIGSEGV", "sent_by": "somebody",
    "oom": {"verdict": "no", "evidence": "counted"}, "running_tool": "boom",
    "running": [{"tool": "boom", "call": 5, "ran_ms": 20}], "phase": "ready", "age_ms": 1500,
    "calls_done": 9, "calls_in_flight": 3, "user_us": 10, "system_us": 11, "max_rss_bytes": 12,
    "last_stderr": "bye"})"));
  CHECK(json::parse(to_json(*certificate)) == json::parse(to_json(x))["certificate"]);
  certificate->running_tools = {"boom", "other"};
  CHECK(json::parse(to_json(x))["certificate"]["running_tools"] == json{"boom", "other"});
  certificate->signal = 0;
  certificate->exit_code = 0;
  certificate->ended_by_us = "deadline";
  auto got = json::parse(to_json(x))["certificate"];
  CHECK(got["exit_code"] == 0);
  CHECK(got["ended_by_us"] == "deadline");
  CHECK_FALSE(got.contains("signal_name"));
}

TEST_CASE("text that is not UTF-8 does not spoil an error [E4]") {
  error x{reason::python_exception, "bad \xff byte", {{"\xfe", "\x80"}}};
  auto text = to_json(x);
  CHECK(json::parse(text)["message"] == "bad \xef\xbf\xbd byte");
}
