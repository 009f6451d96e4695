#include "telemetry/log_line.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <limits>

using namespace snakepit::telemetry;
using namespace std::chrono_literals;

namespace {

constexpr auto time_of_test = std::chrono::system_clock::time_point{
  std::chrono::sys_days{std::chrono::year{2026} / 1 / 31} + 23h + 5min + 9s + 42ms + 999us};

log_record record(std::string_view message, std::span<const field> fields = {}) {
  return {time_of_test, level::warning, "pool", message, fields};
}

} // namespace

TEST_SUITE_BEGIN("log_line");

TEST_CASE("times are RFC 3339 in UTC with milliseconds [T5]") {
  CHECK(format_time(time_of_test) == "2026-01-31T23:05:09.042Z");
  CHECK(format_time(std::chrono::system_clock::time_point{}) == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("a text line has time, level, category, message and fields [T5]") {
  auto fields = {field{"pool", "a b"}, field{"slot", 3U},  field{"pid", int64_t{-1}},
                 field{"ok", true},    field{"mean", 0.5}, field{"none", ""},
                 field{"q", "x\"=y"}};
  CHECK(text_line(record("worker ready", fields))
        == "2026-01-31T23:05:09.042Z warning pool worker ready pool=\"a b\" slot=3 pid=-1 ok=true "
           "mean=0.5 none=\"\" q=\"x\\\"=y\"");
}

TEST_CASE("a JSON line is one object with the same facts [T5]") {
  auto fields = {field{"pool", "a\nb"}, field{"slot", 3U},
                 field{"nan", std::numeric_limits<double>::quiet_NaN()}, field{"big", UINT64_MAX}};
  auto line = json_line(record("worker \"ready\"", fields));
  CHECK(line.find('\n') == std::string::npos);
  auto x = nlohmann::json::parse(line);
  CHECK(x["time"] == "2026-01-31T23:05:09.042Z");
  CHECK(x["level"] == "warning");
  CHECK(x["category"] == "pool");
  CHECK(x["message"] == "worker \"ready\"");
  CHECK(x["pool"] == "a\nb");
  CHECK(x["slot"] == 3);
  CHECK(x["nan"].is_null());
  CHECK(x["big"] == UINT64_MAX);
}

TEST_CASE("secrets and hostile bytes reach neither format, from nowhere [S4] [W8]") {
  auto fields = {field{"token", "hunter2"}, field{"password", 12345},
                 field{"url", "redis://:hunter2@h"}, field{"\x1b[2J", "\x1b[2J"}};
  auto hostile = log_record{time_of_test, level::info, "x\x1b[2J\n",
                            "password=hunter2 \x1b]0;x\x07\n\xff", fields};
  for (auto& line : {text_line(hostile), json_line(hostile)}) {
    CAPTURE(line);
    CHECK(line.find("hunter2") == std::string::npos);
    CHECK(line.find("12345") == std::string::npos);
    CHECK(line.find('\x1b') == std::string::npos);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.find('\x07') == std::string::npos);
  }
  CHECK(nlohmann::json::parse(json_line(hostile)).is_object());
}

TEST_CASE("long messages and values are cut [W8]") {
  auto huge = std::string(1'000'000, 'x');
  auto fields = {field{"value", huge}};
  CHECK(text_line(record(huge, fields)).size() < 3 * log::longest_text);
  CHECK(json_line(record(huge, fields)).size() < 3 * log::longest_text);
}

TEST_SUITE_END();
