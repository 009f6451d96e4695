#pragma once

#include "actors/core/json_reader.hpp"
#include "actors/core/schema_node.hpp"

#include <optional>
#include <string>

namespace snakepit::core {

/// The first thing in a value that does not fit.
struct schema_misfit {
  json_fault fault;
  std::string missing;    ///< the name, if a member is missing
  std::string unexpected; ///< the name, if a member may not be there
};

/// Thread safe.
std::optional<schema_misfit> find_misfit(const schema_node& node, const value& x);

/// Reads one value and says whether it is valid and fits. False says no more than that this pass
/// cannot tell: what is wrong, and what `"$"` objects mean, only decoding and `find_misfit` do.
bool text_fits(json_reader& reader, const schema_node& node);

} // namespace snakepit::core
