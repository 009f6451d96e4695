#include "actors/core/units.hpp"

#include "actors/core/spelling.hpp"

#include <array>
#include <charconv>
#include <optional>

namespace snakepit::core {

namespace {

struct unit {
  std::string_view name;
  uint64_t worth;
};

constexpr auto time_units = std::array{
  unit{"h", 3'600'000'000'000}, unit{"m", 60'000'000'000}, unit{"s", 1'000'000'000},
  unit{"ms", 1'000'000},        unit{"us", 1'000},         unit{"ns", 1},
};

constexpr auto size_units = std::array{
  unit{"TiB", uint64_t{1} << 40},
  unit{"GiB", uint64_t{1} << 30},
  unit{"MiB", uint64_t{1} << 20},
  unit{"KiB", uint64_t{1} << 10},
  unit{"B", 1},
};

/// Digits, at most six decimals, and whatever follows them.
struct amount {
  uint64_t whole = 0;
  uint64_t millionths = 0;
  std::string_view unit;
};

std::optional<amount> split_amount(std::string_view text) {
  auto result = amount{};
  auto end = text.data() + text.size();
  auto [rest, fault] = std::from_chars(text.data(), end, result.whole);
  if (fault != std::errc{})
    return std::nullopt;
  if (rest != end && *rest == '.') {
    auto scale = uint64_t{1'000'000};
    auto first = ++rest;
    for (; rest != end && *rest >= '0' && *rest <= '9'; ++rest) {
      scale /= 10;
      result.millionths += static_cast<uint64_t>(*rest - '0') * scale;
    }
    if (rest == first || rest - first > 6)
      return std::nullopt;
  }
  result.unit = {rest, static_cast<size_t>(end - rest)};
  return result;
}

/// Exactly `x` times `worth`; nothing if that is no whole number or does not fit.
std::optional<uint64_t> multiply(const amount& x, uint64_t worth) {
  // The largest unit times 999,999 is below 2^62.
  auto part = x.millionths * worth;
  auto result = uint64_t{0};
  if (part % 1'000'000 != 0 || __builtin_mul_overflow(x.whole, worth, &result)
      || __builtin_add_overflow(result, part / 1'000'000, &result))
    return std::nullopt;
  return result;
}

template <class Units>
const unit* find_unit(const Units& units, std::string_view name) {
  for (auto& x : units)
    if (x.name == name)
      return &x;
  return nullptr;
}

template <class Units>
std::string format(uint64_t x, const Units& units) {
  for (auto& u : units)
    if (x % u.worth == 0)
      return std::to_string(x / u.worth).append(u.name);
  return std::to_string(x);
}

} // namespace

parsed<duration> parse_duration(std::string_view text) {
  if (text == "infinite")
    return infinite;
  auto refuse = [&](std::string_view why) {
    return tl::unexpected{"wanted a duration such as 250ms, 5s, 10m, 1h or infinite, got "
                          + in_quotes(text) + std::string{why}};
  };
  auto x = split_amount(text);
  if (!x)
    return refuse("");
  if (x->unit.empty() && x->whole == 0 && x->millionths == 0)
    return duration{0};
  if (x->unit.empty())
    return refuse(", which has no unit");
  auto unit = find_unit(time_units, x->unit);
  if (!unit)
    return refuse("; its unit may be ns, us, ms, s, m or h");
  auto count = multiply(*x, unit->worth);
  if (!count)
    return refuse("; it is too long or not a whole number of nanoseconds");
  if (*count > static_cast<uint64_t>(longest_duration.count()))
    return refuse("; more than ten years is `infinite`");
  return duration{static_cast<duration::rep>(*count)};
}

parsed<uint64_t> parse_size(std::string_view text) {
  auto refuse = [&](std::string_view why) {
    return tl::unexpected{"wanted a size such as 64KiB, 16MiB, 1GiB or a number of bytes, got "
                          + in_quotes(text) + std::string{why}};
  };
  auto x = split_amount(text);
  if (!x)
    return refuse("");
  auto unit = find_unit(size_units, x->unit.empty() ? "B" : x->unit);
  if (!unit)
    return refuse("; its unit may be B, KiB, MiB, GiB or TiB");
  auto bytes = multiply(*x, unit->worth);
  if (!bytes)
    return refuse("; it is too large or not a whole number of bytes");
  return *bytes;
}

parsed<size_t> parse_count(std::string_view text) {
  auto result = size_t{0};
  auto end = text.data() + text.size();
  auto [rest, fault] = std::from_chars(text.data(), end, result);
  if (fault == std::errc::result_out_of_range || (fault == std::errc{} && result > 1'000'000'000))
    return tl::unexpected{in_quotes(text) + " is too large; a billion is the most"};
  if (fault != std::errc{} || rest != end)
    return tl::unexpected{"wanted a whole number, got " + in_quotes(text)};
  return result;
}

std::string format_duration(duration x) {
  if (x == infinite)
    return "infinite";
  if (x.count() <= 0)
    return "0";
  return format(static_cast<uint64_t>(x.count()), time_units);
}

std::string format_size(uint64_t x) {
  if (x < 1024 || x % 1024 != 0)
    return std::to_string(x);
  return format(x, size_units);
}

} // namespace snakepit::core
