#include "actors/core/listen_address.hpp"

#include <doctest/doctest.h>

using snakepit::core::parse_listen_address;

TEST_CASE("an address is a host and a port, or a port of loopback [T2]") {
  auto check = [](std::string_view x, std::string_view host, uint16_t port) {
    auto address = parse_listen_address(x);
    REQUIRE_MESSAGE(address, x);
    CHECK(address->host == host);
    CHECK(address->port == port);
  };
  check("9568", "127.0.0.1", 9568);
  check("127.0.0.1:0", "127.0.0.1", 0);
  check("localhost:1", "127.0.0.1", 1);
  check("*:65535", "0.0.0.0", 65535);
  check("[::1]:80", "[::1]", 80);
}

TEST_CASE("what is no address is refused, with what a server's options would take for more [T2]") {
  for (auto x : {"", ":", "host:80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "80s",
                 "127.0.0.1:80,81", "127.0.0.1:80s", "::1:80", "[]:80", "127.0.0.1: 80"})
    CHECK_MESSAGE(!parse_listen_address(x), x);
}
