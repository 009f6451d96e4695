#include "actors/core/codec.hpp"

#include <snakepit/runtime.hpp>

namespace snakepit {

namespace {

/// What a worker sent is not the caller's fault.
error blame_worker(error x) {
  error result{reason::protocol_error, "the worker's result is not valid: " + x.message,
               std::move(x.details)};
  return result;
}

} // namespace

result<value> payload::to_value() const {
  if (raw_)
    return value{bytes{text_}};
  return core::decode(text_, attachments_).map_error(blame_worker);
}

result<std::string> payload::to_json() const {
  if (!raw_ && attachments_.empty()) {
    auto facts = core::check_text(text_);
    if (!facts)
      return tl::unexpected<error>{blame_worker(std::move(facts.error()))};
    if (!facts->has_dollar)
      return text_;
  }
  return to_value().and_then([](const value& x) { return core::encode_for_people(x); });
}

} // namespace snakepit
