#pragma once

#include "actors/core/json_fault.hpp"
#include "actors/core/json_writer.hpp"

#include <snakepit/value.hpp>

#include <string>
#include <vector>

namespace snakepit::core {

/// Turns what `json_reader` built, where `"$"` objects are still maps, into what they stand for. In
/// `dialect::wire` the bytes are moved out of the attachments. Linear in the size of the value; the
/// exact check of depth is here. One thread.
class dollar_forms {
public:
  dollar_forms(dialect how, std::vector<std::string> attachments, size_t depth = max_depth)
    : how_{how}, attachments_{std::move(attachments)}, max_depth_{depth} {}

  /// In place. False if a form is bad: see `fault`; `x` is anything then.
  bool resolve(value& x) {
    return resolve(x, 0);
  }
  /// After `resolve`: whether every attachment was referred to.
  bool all_used();

  const json_fault& fault() const noexcept {
    return fault_;
  }

private:
  bool resolve(value& x, size_t depth);
  bool resolve_members(value::map& x, size_t depth);
  bool resolve_form(value& x, size_t depth);
  bool resolve_map(value& x, value::list& form, size_t depth);
  bool resolve_bytes(value& x, const value::list& form);
  bool resolve_base64(value& x, const value::list& form);
  bool resolve_marker(value& x, value::list& form);
  bool fail(std::string message);

  const dialect how_;
  std::vector<std::string> attachments_;
  const size_t max_depth_;
  size_t used_ = 0;
  json_fault fault_;
};

} // namespace snakepit::core
