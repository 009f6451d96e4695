#pragma once

#include <snakepit/error.hpp>

#include <nlohmann/json.hpp>

namespace snakepit::core {

nlohmann::ordered_json to_object(const death_certificate& x);

} // namespace snakepit::core
