#include "actors/core/listen_address.hpp"

#include <charconv>

namespace snakepit::core {

namespace {

constexpr std::string_view address_letters = "0123456789.";
constexpr std::string_view hex_digits = "0123456789abcdefABCDEF:.";

bool consists_of(std::string_view x, std::string_view allowed) {
  return !x.empty() && x.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_host(std::string_view x) {
  if (x.size() > 2 && x.front() == '[' && x.back() == ']')
    return consists_of(x.substr(1, x.size() - 2), hex_digits);
  return consists_of(x, address_letters);
}

} // namespace

std::optional<listen_address> parse_listen_address(std::string_view x) {
  auto colon = x.rfind(':');
  auto port_text = colon == std::string_view::npos ? x : x.substr(colon + 1);
  auto host = colon == std::string_view::npos ? std::string_view{"127.0.0.1"} : x.substr(0, colon);
  if (host == "localhost")
    host = "127.0.0.1";
  if (host == "*")
    host = "0.0.0.0";
  auto port = uint16_t{0};
  auto* end = port_text.data() + port_text.size();
  auto parsed = std::from_chars(port_text.data(), end, port);
  if (port_text.empty() || parsed.ec != std::errc{} || parsed.ptr != end || !is_host(host))
    return std::nullopt;
  return listen_address{std::string{host}, port};
}

} // namespace snakepit::core
