#include "actors/core/config_writer.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace {

constexpr auto begin_mark = "<!-- begin of the reference -->\n";
constexpr auto end_mark = "<!-- end of the reference -->\n";
constexpr auto page = SNAKEPIT_DOCS "/configuration.md";

std::string read_page() {
  auto stream = std::ifstream{page};
  auto text = std::ostringstream{};
  text << stream.rdbuf();
  return text.str();
}

/// The page with the tables that the code makes.
std::string expected(const std::string& text) {
  auto begin = text.find(begin_mark);
  auto end = text.find(end_mark);
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  return text.substr(0, begin) + begin_mark + '\n' + snakepit::core::config_reference() + '\n'
         + text.substr(end);
}

} // namespace

TEST_CASE("docs/configuration.md lists exactly the keys that there are [E3]") {
  auto text = read_page();
  auto wanted = expected(text);
  if (std::getenv("SNAKEPIT_WRITE_DOCS"))
    std::ofstream{page} << wanted;
  INFO("to write the page anew: SNAKEPIT_WRITE_DOCS=1 meson test -C build core");
  CHECK((std::getenv("SNAKEPIT_WRITE_DOCS") || text == wanted));
}
