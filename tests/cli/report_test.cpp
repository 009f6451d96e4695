#include "actors/cli/report.hpp"

#include <doctest/doctest.h>

using namespace snakepit;

TEST_CASE("the exit code tells what kind of failure it was [E4]") {
  CHECK(cli::exit_code_of({reason::unknown_tool, ""}) == 1);
  CHECK(cli::exit_code_of({reason::python_exception, ""}) == 1);
  CHECK(cli::exit_code_of({reason::worker_crashed, ""}) == 1);
  CHECK(cli::exit_code_of({reason::invalid_config, ""}) == 2);
  CHECK(cli::exit_code_of({reason::pool_failed, ""}) == 3);
  CHECK(cli::exit_code_of({reason::worker_start_failed, ""}) == 3);
  CHECK(cli::exit_code_of({reason::start_timeout, ""}) == 3);
  CHECK(cli::exit_code_of({reason::pool_not_ready, ""}) == 3);
  CHECK(cli::exit_code_of({reason::deadline_exceeded, ""}) == 4);
  CHECK(cli::exit_code_of({reason::queue_timeout, ""}) == 4);
}

TEST_CASE("an error is one line, then Python's traceback as Python prints it [E4]") {
  error x{reason::python_exception, "ValueError: no"};
  x.python = python_error{"ValueError", "no", {{"a.py", 3, "tool", "raise ValueError('no')"}}, {}};
  CHECK(cli::describe(x)
        == "snakepit: python_exception: ValueError: no\n"
           "  Traceback (most recent call last):\n"
           "    File \"a.py\", line 3, in tool\n"
           "      raise ValueError('no')\n"
           "  ValueError: no");
}

TEST_CASE("the cause of an exception stands before it [E4]") {
  error x{reason::python_exception, "B: two"};
  auto cause = std::make_shared<python_error>(python_error{"A", "one", {{"a.py", 1, "f", ""}}, {}});
  x.python = python_error{"B", "two", {{"b.py", 2, "g", ""}}, cause};
  auto text = cli::describe(x);
  auto first = text.find("  A: one\n");
  auto between = text.find("The above exception was the direct cause");
  auto second = text.find("  B: two", first);
  CHECK(first < between);
  CHECK(between < second);
  CHECK(second != std::string::npos);
}

TEST_CASE("a start that failed shows what the worker wrote last [W4]") {
  error x{reason::pool_failed, "no worker could start"};
  auto certificate = std::make_shared<death_certificate>();
  certificate->last_stderr = "one\ntwo\n";
  x.certificate = certificate;
  CHECK(cli::describe(x)
        == "snakepit: pool_failed: no worker could start\n"
           "  The worker's last words:\n  one\n  two");
  CHECK(cli::describe(x, cli::last_words::shown_before)
        == "snakepit: pool_failed: no worker could start");
}

TEST_CASE("a worker that ended is explained below its error [W9]") {
  error x{reason::worker_crashed, "the worker exited with code 3 while it ran `f`"};
  auto certificate = std::make_shared<death_certificate>();
  certificate->pool = "default";
  certificate->generation = 1;
  certificate->cause = "exit 3";
  certificate->exit_code = 3;
  certificate->last_stderr = "one\n";
  x.certificate = certificate;
  CHECK(cli::describe(x)
        == "snakepit: worker_crashed: the worker exited with code 3 while it ran `f`\n"
           "  worker default/0.1 exited with code 3\n"
           "    cause: exit 3\n"
           "    lived 0.00 s, 0 calls done, 0 in flight\n"
           "    last words on stderr:\n"
           "      one");
  CHECK(cli::describe(x, cli::last_words::shown_before).find("last words") == std::string::npos);
}

TEST_CASE("a deadline is told with where the worker was [W9] [Q2]") {
  error x{reason::deadline_exceeded, "`f` was not done by its deadline"};
  auto stacks = stack_report{};
  stacks.note = "The GIL is held.";
  auto thread = python_thread{};
  thread.frames = {{"a.py", 3, "f", ""}};
  stacks.python.push_back(thread);
  x.stacks = std::make_shared<const stack_report>(stacks);
  CHECK(cli::describe(x)
        == "snakepit: deadline_exceeded: `f` was not done by its deadline\n"
           "  The GIL is held.\n"
           "  At the deadline the worker was here, most recent call first:\n"
           "    File \"a.py\", line 3, in f");
}

TEST_CASE("text that is not UTF-8 still becomes a JSON string") {
  CHECK(cli::json_string("a\"b") == "\"a\\\"b\"");
  CHECK(cli::json_string("a\xff z") == "\"a? z\"");
}
