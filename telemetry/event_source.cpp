#include "telemetry/event_source.hpp"

#include "telemetry/harmless_text.hpp"
#include "telemetry/redaction.hpp"

namespace snakepit::telemetry {

namespace {

constexpr size_t longest_text = 1024;

} // namespace

event_draft& event_draft::text(std::string_view name, std::string_view x) {
  auto safe = std::string{};
  append_harmless(safe, redact(name, cut(x, longest_text)));
  value_.metadata.emplace(name, std::move(safe));
  return *this;
}

} // namespace snakepit::telemetry
