#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace snakepit::core {

/// Where a server listens.
struct listen_address {
  std::string host; ///< numbers; an IPv6 address in brackets
  uint16_t port = 0;
};

/// Reads `host:port`, `[address]:port`, or a port alone, which means 127.0.0.1. `localhost` is
/// 127.0.0.1 and `*` every IPv4 address. Nothing if it is none of these; other names are not
/// looked up.
std::optional<listen_address> parse_listen_address(std::string_view x);

} // namespace snakepit::core
