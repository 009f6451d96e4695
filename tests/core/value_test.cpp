#include <snakepit/value.hpp>

#include <string>
#include <type_traits>

#include <doctest/doctest.h>

using snakepit::bytes;
using snakepit::marker;
using snakepit::value;

static_assert(std::is_nothrow_default_constructible_v<value>);
static_assert(std::is_nothrow_move_constructible_v<value>);
static_assert(std::is_nothrow_move_assignable_v<value>);
static_assert(std::is_copy_constructible_v<value> && std::is_copy_assignable_v<value>);
static_assert(std::equality_comparable<value>);
// A pointer is no bool, a letter is no number.
static_assert(!std::is_constructible_v<value, int*>);
static_assert(!std::is_constructible_v<value, const void*>);
static_assert(!std::is_constructible_v<value, char>);
static_assert(std::is_constructible_v<value, char*>);

TEST_CASE("every C++ number has its one type [D1]") {
  CHECK(value{true}.is<bool>());
  CHECK(value{short{1}}.is<int64_t>());
  CHECK(value{uint8_t{1}}.is<int64_t>());
  CHECK(value{1}.is<int64_t>());
  CHECK(value{1u}.is<int64_t>());
  CHECK(value{1l}.is<int64_t>());
  CHECK(value{1ull}.is<int64_t>());
  CHECK(value{size_t{1}}.is<int64_t>());
  CHECK(value{INT64_MIN}.as<int64_t>() == INT64_MIN);
  CHECK(value{uint64_t{INT64_MAX}}.is<int64_t>());
  CHECK(value{uint64_t{INT64_MAX} + 1}.is<uint64_t>());
  CHECK(value{UINT64_MAX}.as<uint64_t>() == UINT64_MAX);
  CHECK(value{1.0f}.is<double>());
  CHECK(value{1.0}.is<double>());
}

TEST_CASE("texts are strings, bytes are not [D1]") {
  char letters[] = "abc";
  CHECK(value{"abc"}.is<std::string>());
  CHECK(value{letters}.as<std::string>() == "abc");
  CHECK(value{std::string{"abc"}} == value{std::string_view{"abc"}});
  CHECK(value{bytes{"abc"}}.is<bytes>());
  CHECK(value{bytes{"abc"}} != value{"abc"});
  CHECK(value{marker{"a", "b"}} == value{marker{"a", "b"}});
}

TEST_CASE("braces around pairs make a map [D1]") {
  value x{{"text", "hi"}, {"n", 3}, {"more", value{{"list", value::list{1, "two", nullptr}}}}};
  REQUIRE(x.is<value::map>());
  CHECK(x.as<value::map>().size() == 3);
  CHECK(x.at("text").as<std::string>() == "hi");
  CHECK(x.at("more").at("list").at(1) == value{"two"});
  CHECK(x.at("more").at("list").at(2).is_null());
  value one{{"a", "b"}};
  REQUIRE(one.is<value::map>());
  CHECK(one.at("a") == value{"b"});
  value nested = {{"a", {{"b", 1}}}};
  CHECK(nested.at("a").at("b") == value{1});
}

TEST_CASE("braces copy, they do not wrap [D1]") {
  value list{value::list{1, 2}};
  value copy{list};
  CHECK(copy == list);
  value moved{std::move(copy)};
  CHECK(moved == list);
  CHECK(value{}.is_null());
  CHECK(value{nullptr}.is_null());
}

TEST_CASE("values compare by type and content [D1]") {
  CHECK(value{1} == value{1ull});
  CHECK(value{1} != value{1.0});
  CHECK(value{1} != value{true});
  CHECK(value{0} != value{});
  CHECK(value{-1} != value{UINT64_MAX});
  CHECK(value{value::list{1, 2}} != value{value::list{2, 1}});
  CHECK(value{{"a", 1}, {"b", 2}} == value{{"b", 2}, {"a", 1}});
  CHECK(value{{"a", 1}} != value{{"a", 2}});
  CHECK(value{value::list{}} != value{value::map{}});
}

TEST_CASE("reading a value as what it is not throws [D1]") {
  value x{{"a", 1}};
  CHECK_THROWS_AS(x.as<int64_t>(), std::bad_variant_access);
  CHECK_THROWS_AS(x.at("b"), std::out_of_range);
  CHECK_THROWS_AS(x.at(0), std::bad_variant_access);
  CHECK_THROWS_AS(value{value::list{}}.at(0), std::out_of_range);
  CHECK_THROWS_AS(value{"1"}.to_double(), std::bad_variant_access);
  CHECK(x.get_if<int64_t>() == nullptr);
  CHECK(value{3}.to_double() == 3.0);
  CHECK(value{UINT64_MAX}.to_double() == 18446744073709551615.0);
}

TEST_CASE("values are changed in place and copied deeply [D1]") {
  value x{{"list", value::list{1}}};
  auto copy = x;
  x.as<value::map>()["list"].as<value::list>().push_back("more");
  CHECK(x.at("list").as<value::list>().size() == 2);
  CHECK(copy.at("list").as<value::list>().size() == 1);
  copy = copy.at("list");
  CHECK(copy == value{value::list{1}});
}
