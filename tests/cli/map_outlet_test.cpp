#include "actors/cli/map_outlet.hpp"

#include "tests/cli/test_files.hpp"

#include <doctest/doctest.h>

using namespace snakepit;

namespace {

cli::map_result good(uint64_t index) {
  return {{index, index + 1, (index + 1) * 10, 5}, std::to_string(index), {}, {}, 0};
}

cli::map_result bad(uint64_t index, reason why = reason::python_exception) {
  auto out = good(index);
  out.text.clear();
  out.why = std::make_unique<error>(why, "no " + std::to_string(index));
  return out;
}

struct fixture {
  test_file file;
  cli::line_writer writer{file.descriptor()};

  std::string written() {
    writer.flush();
    return file.content();
  }
};

std::string record(uint64_t index) {
  return cli::error_record(error{reason::python_exception, "no " + std::to_string(index)},
                           index + 1)
         + "\n";
}

} // namespace

TEST_CASE("results are written in the order of the input [F6]") {
  fixture x;
  cli::map_outlet out{x.writer, {}};
  out.accept(good(2));
  out.accept(good(1));
  CHECK(out.items() == 0);
  CHECK(x.written().empty());
  out.accept(good(0));
  CHECK(out.items() == 3);
  CHECK(x.written() == "0\n1\n2\n");
  CHECK(out.end() == 30);
}

TEST_CASE("order holds over many times the window [F6]") {
  fixture x;
  cli::map_outlet::policy policy;
  policy.window = 4;
  cli::map_outlet out{x.writer, policy};
  std::string expected;
  for (uint64_t i = 0; i < 100; i += 4) {
    for (uint64_t k : {3, 1, 2, 0})
      out.accept(good(i + k));
    for (uint64_t k = 0; k < 4; ++k)
      expected += std::to_string(i + k) + "\n";
  }
  CHECK(x.written() == expected);
}

TEST_CASE("unordered results are written as they come [F6]") {
  fixture x;
  cli::map_outlet out{x.writer, {false}};
  out.accept(good(2));
  out.accept(good(0));
  CHECK(x.written() == "2\n0\n");
  CHECK(out.end() == 30);
}

TEST_CASE("emit puts the error record where the result would stand [F6]") {
  fixture x;
  cli::map_outlet out{x.writer, {}};
  for (uint64_t i : {0, 2})
    out.accept(good(i));
  out.accept(bad(1));
  CHECK(x.written() == "0\n" + record(1) + "2\n");
  CHECK(out.errors() == 1);
  CHECK_FALSE(out.stopped());
  CHECK(out.failure()->details.at("line") == "2");
}

TEST_CASE("skip writes nothing for an item that failed [F6]") {
  fixture x;
  cli::map_outlet out{x.writer, {true, cli::on_error::skip}};
  out.accept(good(0));
  out.accept(bad(1));
  out.accept(good(2));
  CHECK(x.written() == "0\n2\n");
  CHECK(out.errors() == 1);
  CHECK(out.items() == 3);
}

TEST_CASE("stop writes what stands before the first failure and nothing after it [F6]") {
  fixture x;
  cli::map_outlet out{x.writer, {true, cli::on_error::stop}};
  out.accept(bad(2));
  out.accept(good(3));
  CHECK_FALSE(out.stopped());
  out.accept(good(0));
  out.accept(good(1));
  CHECK(out.stopped());
  out.accept(good(4));
  CHECK(x.written() == "0\n1\n");
  CHECK(out.failure()->details.at("line") == "3");
}

TEST_CASE("the n-th error of --max-errors ends the run [F6]") {
  fixture x;
  cli::map_outlet out{x.writer, {true, cli::on_error::emit, 2}};
  out.accept(bad(0));
  CHECK_FALSE(out.stopped());
  out.accept(bad(1));
  CHECK(out.stopped());
  out.accept(good(2));
  CHECK(x.written() == record(0) + record(1));
}

TEST_CASE("a pool that failed for good ends the run, and no record is written for it [F6]") {
  fixture x;
  cli::map_outlet out{x.writer, {}};
  out.accept(good(0));
  out.accept(bad(1, reason::pool_failed));
  CHECK(out.stopped());
  CHECK(out.failure()->reason == reason::pool_failed);
  CHECK(x.written() == "0\n");
}
