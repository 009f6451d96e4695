#include "tests/support/launching.hpp"

#include <csignal>

using namespace snakepit;
using namespace snakepit::test;

using texts = std::vector<std::string>;

TEST_CASE("output comes line by line, by stream, and whole before the exit [W8]") {
  recorder log;
  auto launcher = make_launcher();
  auto process =
    must_launch(*launcher, shell("echo one; echo two >&2; echo three; printf no-end"), log);
  REQUIRE(log.await_exit());
  CHECK(log.output() == texts{"one", "three", "no-end"});
  CHECK(log.errors() == texts{"two"});
}

TEST_CASE("a pipe full of output is read to its end before the exit is told [W8]") {
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(*launcher, python("print('x' * 999 + '\\n' + 'y' * 300000)"), log);
  REQUIRE(log.await_exit());
  REQUIRE(log.output().size() == 2);
  CHECK(log.output()[1].ends_with("y [snakepit: cut, " + std::to_string(300'000 - 16'384)
                                  + " bytes more]"));
}

TEST_CASE("a flood is cut to 1000 lines a second, and a line says how many were dropped [W8]") {
  recorder log;
  auto launcher = make_launcher();
  SUBCASE("when the stream ends") {
    auto process = must_launch(*launcher, shell("seq 5000"), log);
    REQUIRE(log.await_exit());
  }
  SUBCASE("when it falls silent") {
    auto process = must_launch(*launcher, shell("seq 5000; exec sleep 1000"), log);
    CHECK(log.await_output(1001));
  }
  auto lines = log.output();
  REQUIRE(lines.size() >= 1001);
  CHECK(lines[999] == "1000");
  CHECK(lines.back().starts_with("[snakepit: "));
  CHECK(lines.back().ends_with(" lines of stdout dropped, more than 1000 in a second]"));
}

TEST_CASE("the last 64 KiB of stderr are kept as they were [W8]") {
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(*launcher, python(R"(
import sys
sys.stderr.buffer.write(b'a' * 200000 + b'\n\xff\0' + b'b' * 1000)
)"),
                             log);
  REQUIRE(log.await_exit());
  auto kept = process->last_stderr(1 << 20);
  CHECK(kept.size() == 65536);
  CHECK(kept.ends_with(std::string{"a\n\xff\0b", 5} + std::string(999, 'b')));
  CHECK(process->last_stderr(10) == std::string(10, 'b'));
  CHECK(process->last_stderr(0).empty());
}

TEST_CASE("a grandchild that left the group and holds the pipes delays nothing [W8]") {
  recorder log;
  auto launcher = make_launcher();
  temporary_folder folder;
  auto go = (folder.path() / "go").string(); // when its number is told, which a flood would drown
  auto begun = std::chrono::steady_clock::now();
  auto process = must_launch(*launcher,
                             shell("setsid sh -c 'while [ ! -e " + go
                                   + " ]; do :; done; while :; do echo flood; done' & echo $!; : >"
                                   + go + "; exit 3"),
                             log);
  REQUIRE(log.await_exit());
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
  CHECK(log.exit()->code == 3);
  auto lines = log.output();
  auto first = std::ranges::find_if(lines, [](auto& x) { return x != "flood"; });
  REQUIRE(first != lines.end());
  ::kill(std::stoi(*first), SIGKILL); // out of the group, out of our reach
}

TEST_CASE("a worker that closes its output goes on, and the host does not spin [W8]") {
  recorder log;
  auto launcher = make_launcher();
  auto process = must_launch(
    *launcher, shell("echo last; exec >&- 2>&-; read x < /proc/self/fd/6; exit 5"), log);
  REQUIRE(log.await_exit());
  CHECK(log.output() == texts{"last"});
  CHECK(log.exit()->code == 5);
}
