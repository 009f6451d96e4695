#include "actors/cli/line_writer.hpp"

#include "tests/cli/test_files.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>

using namespace snakepit;

TEST_CASE("lines are written when they are flushed, and counted then") {
  test_pipe pipe;
  cli::line_writer out{pipe.write_end()};
  out.append("a");
  out.append("b");
  CHECK(out.pending() == 4);
  CHECK(out.lines() == 0);
  CHECK(out.flush());
  CHECK(out.lines() == 2);
  CHECK(out.pending() == 0);
  pipe.close_write();
  CHECK(pipe.drain() == "a\nb\n");
}

TEST_CASE("a reader that has gone is EPIPE, once and for all [E4]") {
  std::signal(SIGPIPE, SIG_IGN);
  test_pipe pipe;
  pipe.close_read();
  cli::line_writer out{pipe.write_end()};
  out.append("a");
  CHECK_FALSE(out.flush());
  CHECK(out.error_number() == EPIPE);
  out.append("b");
  CHECK_FALSE(out.flush());
  CHECK(out.lines() == 0);
}

TEST_CASE("a full disk is ENOSPC, and no line counts as written [E4]") {
  int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(full >= 0);
  cli::line_writer out{full};
  out.append("a");
  CHECK_FALSE(out.flush());
  CHECK(out.error_number() == ENOSPC);
  CHECK(out.lines() == 0);
  close(full);
}

TEST_CASE("a reader that does not read does not keep it from ending [E4]") {
  test_pipe pipe;
  test_pipe wake;
  wake.put("!");
  cli::line_writer out{pipe.write_end(), wake.read_end()};
  out.append(std::string(1 << 20, 'x'));
  CHECK_FALSE(out.flush());
  CHECK(out.error_number() == ECANCELED);
}
