#include "actors/cli/worker_choice.hpp"

#include <doctest/doctest.h>

using namespace snakepit;
using cli::parse_worker;

namespace {

std::vector<pool_stats> pools(std::vector<std::pair<std::string, size_t>> all) {
  auto out = std::vector<pool_stats>{};
  for (auto& [name, workers] : all) {
    out.emplace_back().name = name;
    out.back().workers_target = workers;
  }
  return out;
}

/// "a/0 a/1", or the reason why not.
std::string meant(const std::string& text, const std::vector<pool_stats>& all) {
  auto places = parse_worker(text).and_then([&](const auto& x) { return cli::workers_of(x, all); });
  if (!places)
    return std::string{to_string(places.error().reason)};
  auto out = std::string{};
  for (auto& x : *places)
    out += (out.empty() ? "" : " ") + to_string(x);
  return out;
}

} // namespace

TEST_SUITE_BEGIN("worker_choice");

TEST_CASE("a worker is POOL/SLOT, SLOT, POOL or all [E4]") {
  auto two = pools({{"default", 2}, {"m.x", 1}});
  CHECK(meant("default/1", two) == "default/1");
  CHECK(meant("m.x/0", two) == "m.x/0");
  CHECK(meant("1", two) == "default/1");
  CHECK(meant("default", two) == "default/0 default/1");
  CHECK(meant("", two) == "default/0 default/1 m.x/0");
  CHECK(meant("9", two) == "default/9"); // the daemon knows better
  CHECK(meant("0", pools({{"only", 1}})) == "only/0");
  CHECK(meant("none", two) == "pool_not_found");
  CHECK(meant("none/0", two) == "pool_not_found");
  CHECK(meant("0", pools({{"a", 1}, {"b", 1}})) == "pool_not_found");
}

TEST_CASE("what is no worker is named [E4]") {
  for (auto* text : {"a/", "a/x", "/0", "a/-1", "a/1.2", "a/99999999999", "99999999999"}) {
    auto x = parse_worker(text);
    REQUIRE_FALSE(x);
    CHECK(x.error().reason == reason::invalid_argument);
    CHECK(x.error().message.find(text) != std::string::npos);
  }
}

TEST_SUITE_END();
