#pragma once

#include <snakepit/reload.hpp>

#include <string>

namespace snakepit::cli {

/// What a reload has done, a line for each pool, then what needs a restart. No end of line at the
/// end.
std::string reload_text(const reload_summary& x);

/// The same as a JSON object.
std::string reload_json(const reload_summary& x);

} // namespace snakepit::cli
