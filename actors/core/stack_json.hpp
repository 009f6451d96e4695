#pragma once

#include <snakepit/stacks.hpp>

#include <nlohmann/json.hpp>

namespace snakepit::core {

nlohmann::ordered_json to_object(const python_frame& x);
nlohmann::ordered_json to_object(const stack_report& x);

/// Without the threads that say little.
nlohmann::ordered_json to_brief_object(const stack_report& x);

} // namespace snakepit::core
