#include "actors/io/yaml_tree.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <ctime>

using namespace snakepit;
using core::config_node;

namespace {

std::string tree_fault(const std::string& yaml) {
  auto root = io::parse_yaml(yaml, "pit.yaml");
  CAPTURE(yaml.substr(0, 80));
  REQUIRE(!root);
  CHECK(root.error().reason == reason::invalid_config);
  return root.error().message;
}

std::string repeated(const std::string& text, size_t count) {
  auto result = std::string{};
  while (count-- > 0)
    result += text;
  return result;
}

} // namespace

TEST_SUITE_BEGIN("yaml_tree");

TEST_CASE("scalars, lists and maps become a tree with places [E3]") {
  auto root = io::parse_yaml("a: 1\nb:\n  - 'x'\n  - null\n", "pit.yaml");
  REQUIRE(root);
  REQUIRE(root->is == config_node::kind::map);
  CHECK(root->entries[0].key == "a");
  CHECK(root->find("a")->value.text == "1");
  CHECK(root->find("a")->value.plain);
  auto& b = root->find("b")->value;
  REQUIRE(b.is == config_node::kind::list);
  CHECK(b.items[0].text == "x");
  CHECK(!b.items[0].plain);
  CHECK(b.items[1].is == config_node::kind::null);
  CHECK(core::to_string(b.items[0].place) == "pit.yaml:3:5");
  CHECK(core::line_of(root->find("b")->place) == "pit.yaml:2");
}

TEST_CASE("no document is nothing [E3]") {
  for (auto text : {"", "\n\n", "# a comment", "---\n", "---\n...\n", "\xef\xbb\xbf", "\r\n"}) {
    CAPTURE(text);
    auto root = io::parse_yaml(text, "pit.yaml");
    REQUIRE(root);
    CHECK(root->is == config_node::kind::null);
  }
}

TEST_CASE("ends of lines of other systems and a byte order mark are taken [E3]") {
  auto root = io::parse_yaml("\xef\xbb\xbf"
                             "a: 1\r\nb: 2\r\n",
                             "pit.yaml");
  REQUIRE(root);
  CHECK(root->find("a")->value.text == "1");
  CHECK(root->find("b")->value.text == "2");
}

TEST_CASE("broken YAML is refused with line and column [E3]") {
  CHECK(tree_fault("a: b: c\n") == "pit.yaml:1:5: broken YAML: illegal map value");
  CHECK(tree_fault("log:\n  level: info\n format: text\n")
        == "pit.yaml:3:2: broken YAML: end of map not found");
  CHECK(tree_fault("log:\n\tlevel: info\n").starts_with("pit.yaml:2:7: broken YAML: "));
  CHECK(tree_fault("pools:\n\t- a\n").starts_with("pit.yaml:2:2: broken YAML: "));
  CHECK(tree_fault("a: {b: 1\n").find("pit.yaml:") == 0);
  CHECK(tree_fault("{a: 1").find("is a bracket left open?") != std::string::npos);
  CHECK(tree_fault("a: 1\n}\n").starts_with("pit.yaml:2:1: broken YAML: "));
  CHECK(tree_fault("a: `x`\n").starts_with("pit.yaml:1:4: broken YAML: "));
  CHECK(tree_fault("a: \"\\q\"\n").starts_with("pit.yaml:1:"));
}

TEST_CASE("a quote that is not closed does not end with the file [E3]") {
  for (auto text : {"a: \"b\nc: d\n", "a: 'b\nc: d", "a: \"", "'", "{a: \"b}"}) {
    CAPTURE(text);
    CHECK(tree_fault(text).ends_with("broken YAML: the text ends within quotes"));
  }
}

TEST_CASE("a key that stands twice is refused, at any depth [E3]") {
  CHECK(tree_fault("a: 1\nb: 2\na: 3\n")
        == "pit.yaml:3:1: the key `a` stands twice; first at pit.yaml:1");
  CHECK(tree_fault("x:\n  - {a: 1, 'a': 2}\n").find("the key `a` stands twice")
        != std::string::npos);
  CHECK(io::parse_yaml("a: {x: 1}\nb: {x: 1}\n", "pit.yaml"));
}

TEST_CASE("keys are text [E3]") {
  CHECK(tree_fault("? [a]\n: b\n").find("wanted a key, got a list") != std::string::npos);
  CHECK(tree_fault("{a: 1}: b\n").find("wanted a key, got a map") != std::string::npos);
  CHECK(tree_fault("null: b\n").find("wanted a key, got nothing") != std::string::npos);
}

TEST_CASE("what makes YAML dangerous is refused [E3]") {
  auto bomb = std::string{"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"};
  CHECK(tree_fault(bomb).find("anchors and aliases are not taken") != std::string::npos);
  CHECK(tree_fault("a: *b\n").starts_with("pit.yaml:1:"));
  CHECK(tree_fault("a: &x 1\n").find("anchors") != std::string::npos);
  CHECK(tree_fault("a: !!python/object:os.system x\n").find("tags such as") != std::string::npos);
  CHECK(tree_fault("a: !x [1]\n").find("tags such as") != std::string::npos);
  CHECK(tree_fault("a: 1\n---\nb: 2\n")
        == "pit.yaml:2:1: a second document begins here; there may be only one");
  CHECK(tree_fault("a: 1\n...\nb: 2\n").find("a second document") != std::string::npos);
}

TEST_CASE("bytes that are no text are refused where they stand [E3]") {
  CHECK(tree_fault("a: 1\nb: \xff\n") == "pit.yaml:2:4: this is not UTF-8");
  CHECK(tree_fault("\xff\xfe"
                   "a\0:\0")
          .find("not UTF-8")
        != std::string::npos);
  // yaml-cpp would take this one for the end of the file.
  CHECK(tree_fault("a: 1\n\xc3\xa9\x04\nb: 2\n")
        == "pit.yaml:2:2: a control character (`\\x04`) stands here");
  CHECK(tree_fault(std::string("a: \0b", 5)).find("a control character") != std::string::npos);
  CHECK(tree_fault("a: \x1b[2J").find("\x1b") == std::string::npos);
}

TEST_CASE("size, depth and number of values are bounded, and so is the time they take [E3] [S5]") {
  auto begin = std::clock();
  CHECK(tree_fault(std::string(io::largest_yaml + 1, '\n')).find("is too large")
        != std::string::npos);
  CHECK(io::parse_yaml(std::string(io::largest_yaml, '\n'), "pit.yaml"));
  CHECK(tree_fault("a: " + repeated("[", 200) + repeated("]", 200)).find("nested too deeply")
        != std::string::npos);
  CHECK(tree_fault("a: " + repeated("{a: ", 1000)).starts_with("pit.yaml:1:"));
  CHECK(tree_fault(repeated("- ", 1000) + "a").find("nested too deeply") != std::string::npos);
  for (std::string text :
       {"[", "{", "- ", "? ", "!a", "&a ", "*a ", "a: ", "\"", "| ", ",", "{[", "-\n"}) {
    CAPTURE(text);
    CHECK(!io::parse_yaml(repeated(text, io::largest_yaml / text.size()), "pit.yaml"));
  }
  CHECK(io::parse_yaml(std::string(io::largest_yaml, '%'), "pit.yaml"));
  CHECK(tree_fault("a: [" + repeated("x,", io::most_yaml_nodes) + "]").find("too many values")
        != std::string::npos);
  CHECK((std::clock() - begin) / CLOCKS_PER_SEC < 60);
}

TEST_CASE("whatever the bytes, the parser answers [S5]") {
  auto pieces = std::vector<std::string>{
    "a",        "b",     ":",   ": ",  "-",           "- ",     "\n",          "\n  ",  " ",
    "\t",       "[",     "]",   "{",   "}",           ",",      "'",           "\"",    "#",
    "|",        ">",     "&x ", "*x ", "!",           "!!str ", "%YAML 1.2\n", "---\n", "...\n",
    "\\",       "\\x41", "?",   "? ",  "\r",          "1",      "null",        "~",     "<<",
    "\xc3\xa9", "\xff",  "@",   "`",   "\xef\xbb\xbf"};
  CHECK(rc::check([&] {
    auto parts = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(pieces));
    auto text = std::string{};
    for (auto& part : parts)
      text += part;
    auto root = io::parse_yaml(text, "pit.yaml");
    RC_ASSERT(root || root.error().message.starts_with("pit.yaml:"));
  }));
}

TEST_SUITE_END();
