#include "telemetry/event_hub.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace snakepit;
using namespace snakepit::telemetry;

namespace {

/// The part of docs/events.md that the table decides.
std::string documentation() {
  auto out = std::ostringstream{};
  for (auto& row : event_table) {
    out << "### " << row.name << "\n\n" << row.meaning << "\n\n";
    if (!row.measurements.empty()) {
      out << "| measurement | meaning |\n|---|---|\n";
      for (auto& key : row.measurements)
        out << "| `" << key.name << "` | " << key.meaning << " |\n";
      out << "\n";
    }
    if (!row.metadata.empty()) {
      out << "| metadata | meaning |\n|---|---|\n";
      for (auto& key : row.metadata)
        out << "| `" << key.name << "` | " << key.meaning << " |\n";
      out << "\n";
    }
  }
  return out.str();
}

std::string page() {
  auto file = std::ifstream{SNAKEPIT_DOCS "/events.md"};
  auto text = std::ostringstream{};
  text << file.rdbuf();
  return text.str();
}

} // namespace

TEST_SUITE_BEGIN("table of events");

TEST_CASE("each kind has a name of its own and is found by it [T1]") {
  auto names = std::set<std::string_view>{};
  for (auto& row : event_table) {
    CHECK(names.insert(row.name).second);
    CHECK(&row_of(row.kind) == &row);
    CHECK(find_event(row.name) == row.kind);
    CHECK(to_string(row.kind) == row.name);
  }
  CHECK(find_event("worker") == std::nullopt);
}

TEST_CASE("what is a time says so in its unit; no key stands twice in an event [T1]") {
  for (auto& row : event_table) {
    auto keys = std::set<std::string_view>{};
    for (auto& key : row.measurements) {
      CHECK(keys.insert(key.name).second);
      auto unit = std::string{key.name};
      unit = unit.substr(unit.rfind('_') + 1);
      CHECK_MESSAGE((std::set<std::string>{"us", "bytes", "calls", "workers", "failures", "tools",
                                           "events", "misses", "ledgers", "killed", "survivors"}
                       .contains(unit)),
                    row.name << " " << key.name);
    }
    for (auto& key : row.metadata)
      CHECK(keys.insert(key.name).second);
  }
}

TEST_CASE("docs/events.md says what the table says [T1]") {
  auto text = page();
  auto begin = text.find("### ");
  REQUIRE(begin != text.npos);
  INFO("the part from the first ### on should be:\n" << documentation());
  CHECK(text.substr(begin) == documentation().substr(0, documentation().size() - 1));
}

TEST_CASE("a filter takes kinds, names and beginnings, and says what is not there [T1]") {
  auto all = mask_of(event_filter{});
  REQUIRE(all);
  for (auto& row : event_table)
    CHECK((*all & mask_of(row.kind)) != 0);
  CHECK(mask_of(event_filter{.kinds = {event_kind::worker_exited}}).value()
        == mask_of(event_kind::worker_exited));
  CHECK(mask_of(event_filter{.names = {"worker.exited", "queue.left"}}).value()
        == (mask_of(event_kind::worker_exited) | mask_of(event_kind::queue_left)));
  auto workers = mask_of(event_filter{.names = {"worker."}});
  REQUIRE(workers);
  for (auto& row : event_table)
    CHECK(((*workers & mask_of(row.kind)) != 0) == row.name.starts_with("worker."));
  for (auto* wrong : {"wroker.", "worker", "worker.ex", "", "."}) {
    auto mask = mask_of(event_filter{.names = {"worker.", wrong}});
    REQUIRE(!mask);
    CHECK(mask.error().reason == reason::invalid_argument);
    CHECK(mask.error().message.find("`" + std::string{wrong} + "`") != std::string::npos);
  }
  CHECK(!mask_of(event_filter{.kinds = {static_cast<event_kind>(event_table.size())}}));
}

TEST_CASE("an event has the keys of its kind, all and no others [T1]") {
  auto x = event{};
  x.kind = event_kind::worker_restarted;
  x.measurements = {{"down_us", 1}};
  x.metadata = {{"slot", "0"}, {"generation", "2"}};
  CHECK(has_its_keys(x));
  CHECK(to_string(x) == "worker.restarted down_us=1 generation=2 slot=0");
  x.metadata.erase("slot");
  CHECK(!has_its_keys(x));
  x.metadata.emplace("slut", "0");
  CHECK(!has_its_keys(x));
  x.metadata = {{"slot", "0"}, {"generation", "2"}};
  x.measurements.emplace("more", 1);
  CHECK(!has_its_keys(x));
}

TEST_SUITE_END();
