#include "actors/cli/output_file.hpp"

#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

using namespace snakepit;

namespace {

struct output_folder : test::temporary_folder {
  std::string file(const std::string& content) const {
    auto out = path() / "out";
    std::ofstream{out} << content;
    return out;
  }
};

std::string content(const std::string& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

TEST_CASE("a file keeps what it held until the output begins [E4]") {
  output_folder folder;
  auto path = folder.file("old\n");
  auto file = cli::output_file::open(path);
  REQUIRE(file);
  CHECK(content(path) == "old\n");
  REQUIRE(file->begin());
  CHECK(content(path).empty());
}

TEST_CASE("to resume counts whole lines and cuts a torn last one off [E4]") {
  output_folder folder;
  struct example {
    std::string before;
    uint64_t lines;
    std::string after;
  };
  for (auto& x : {example{"", 0, ""}, example{"to", 0, ""}, example{"a\nb\n", 2, "a\nb\n"},
                  example{"a\nb\nto", 2, "a\nb\n"}}) {
    CAPTURE(x.before);
    auto path = folder.file(x.before);
    auto file = cli::output_file::open(path);
    REQUIRE(file);
    CHECK(file->resume() == x.lines);
    CHECK(content(path) == x.after);
    CHECK(::write(file->descriptor(), "c\n", 2) == 2);
    CHECK(content(path) == x.after + "c\n");
  }
}

TEST_CASE("what cannot be written or read is named [E4]") {
  output_folder folder;
  auto output = cli::output_file::open(folder.path() / "none" / "out");
  REQUIRE_FALSE(output);
  CHECK(output.error().message.find("/none/out: No such file") != std::string::npos);
  auto input = cli::open_input(folder.path());
  REQUIRE_FALSE(input);
  CHECK(input.error().message.find("Is a directory") != std::string::npos);
}

TEST_CASE("input and output are known as the same file [E4]") {
  output_folder folder;
  auto path = folder.file("a\n");
  auto file = cli::output_file::open(path);
  auto input = cli::open_input(path);
  REQUIRE(file);
  REQUIRE(input);
  CHECK(cli::same_file(*input, file->descriptor()));
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  CHECK_FALSE(cli::same_file(null, null));
  close(null);
  close(*input);
}
