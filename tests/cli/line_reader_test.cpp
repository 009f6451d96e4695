#include "actors/cli/line_reader.hpp"

#include "tests/cli/test_files.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace snakepit;
using next_line = cli::line_reader::outcome;

namespace {

std::vector<std::string> all_of(cli::line_reader& in) {
  std::vector<std::string> out;
  cli::line_reader::line line;
  while (in.next(line, true) == next_line::line)
    out.push_back(std::to_string(line.number) + (line.too_long ? "!" : ":")
                  + std::string{line.text});
  return out;
}

std::vector<std::string> lines_of(std::string_view text, size_t limit = 100) {
  test_pipe pipe;
  pipe.put(text);
  pipe.close_write();
  cli::line_reader in{pipe.read_end(), -1, limit};
  return all_of(in);
}

} // namespace

TEST_CASE("lines are numbered from one; the last needs no end") {
  using lines = std::vector<std::string>;
  CHECK(lines_of("") == lines{});
  CHECK(lines_of("a\nb\n") == lines{"1:a", "2:b"});
  CHECK(lines_of("a\n\nb") == lines{"1:a", "2:", "3:b"});
}

TEST_CASE("a line above the limit is reported, and the next one is read [E4]") {
  std::string at_limit(100, 'x');
  std::string above(101, 'x');
  CHECK(lines_of(at_limit + "\nb\n") == std::vector<std::string>{"1:" + at_limit, "2:b"});
  CHECK(lines_of(above + "\nb\n") == std::vector<std::string>{"1!", "2:b"});
  CHECK(lines_of("a\n" + above) == std::vector<std::string>{"1:a", "2!"});
}

TEST_CASE("a line may come in pieces and be longer than a read") {
  test_file file;
  std::string big(1000000, 'y');
  auto text = "a\n" + big + "\nc\n";
  REQUIRE(pwrite(file.descriptor(), text.data(), text.size(), 0) == ssize_t(text.size()));
  cli::line_reader in{file.descriptor(), -1, 2000000};
  cli::line_reader::line line;
  REQUIRE(in.next(line, true) == next_line::line);
  CHECK(line.end == 2);
  REQUIRE(in.next(line, true) == next_line::line);
  CHECK(line.text == big);
  CHECK(line.end == 3 + big.size());
  REQUIRE(in.next(line, true) == next_line::line);
  CHECK(line.text == "c");
  CHECK(in.next(line, true) == next_line::end);
  CHECK(in.next(line, true) == next_line::end);
}

TEST_CASE("of a line that is far too long little is kept, and the places stay right") {
  test_file file;
  std::string big(3000000, 'y');
  auto text = big + "\nc\n";
  REQUIRE(pwrite(file.descriptor(), text.data(), text.size(), 0) == ssize_t(text.size()));
  cli::line_reader in{file.descriptor(), -1, 1000};
  cli::line_reader::line line;
  REQUIRE(in.next(line, true) == next_line::line);
  CHECK(line.too_long);
  CHECK(line.text.empty());
  CHECK(line.end == big.size() + 1);
  REQUIRE(in.next(line, true) == next_line::line);
  CHECK(line.text == "c");
  CHECK(line.number == 2);
  CHECK(line.end == text.size());
}

TEST_CASE("where nothing is there yet it does not wait unless it may") {
  test_pipe pipe;
  test_pipe wake;
  cli::line_reader in{pipe.read_end(), wake.read_end(), 100};
  cli::line_reader::line line;
  pipe.put("a\nhal");
  CHECK(in.next(line, false) == next_line::line);
  CHECK(in.next(line, false) == next_line::would_block);
  pipe.put("f\n");
  CHECK(in.next(line, false) == next_line::line);
  CHECK(line.text == "half");
  wake.put("!");
  CHECK(in.next(line, true) == next_line::woken);
}

TEST_CASE("a failed read is an error with its number") {
  cli::line_reader::line line;
  test_pipe pipe;
  cli::line_reader wrong_end{pipe.write_end(), -1, 100};
  pipe.close_read();
  CHECK(wrong_end.next(line, true) == next_line::failed);
  CHECK(wrong_end.error_number() == EBADF);
}
