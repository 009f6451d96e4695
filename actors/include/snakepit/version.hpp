#pragma once

namespace snakepit {

/// Version of the library; the Python bridge must be of the same one.
inline constexpr const char* version = "0.1.0";

} // namespace snakepit
