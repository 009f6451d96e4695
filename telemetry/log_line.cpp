#include "telemetry/log_line.hpp"

#include "telemetry/harmless_text.hpp"
#include "telemetry/redaction.hpp"

#include <charconv>
#include <cmath>

namespace snakepit::telemetry {

namespace {

template <class T>
std::string number(T x) {
  char digits[32];
  auto [end, fault] = std::to_chars(digits, digits + sizeof digits, x);
  return fault == std::errc{} ? std::string{digits, end} : std::string{"0"};
}

std::string padded(unsigned x, size_t width) {
  auto digits = std::to_string(x);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

/// A value that is no text, as JSON and text alike; nothing if JSON has no such number.
struct plain_value {
  std::string operator()(std::string_view) const {
    return {};
  }
  std::string operator()(bool x) const {
    return x ? "true" : "false";
  }
  std::string operator()(double x) const {
    return std::isfinite(x) ? number(x) : std::string{"null"};
  }
  std::string operator()(int64_t x) const {
    return number(x);
  }
  std::string operator()(uint64_t x) const {
    return number(x);
  }
};

/// Text of a field, redacted; nothing if its value may be shown as it is and is no text.
std::optional<std::string> text_of(const field& x) {
  if (auto text = std::get_if<std::string_view>(&x.value))
    return redact(x.name, cut(*text, log::longest_text));
  if (is_secret_name(x.name))
    return std::string{redacted};
  return std::nullopt;
}

std::string message_of(const log_record& x) {
  return redact(cut(x.message, log::longest_text));
}

void append_text_value(std::string& out, const std::string& value) {
  if (!value.empty() && value.find_first_of(" \t\"=") == std::string::npos)
    return append_harmless(out, value);
  auto quoted = std::string{};
  for (auto c : value) {
    if (c == '"')
      quoted += '\\';
    quoted += c;
  }
  out += '"';
  append_harmless(out, quoted);
  out += '"';
}

} // namespace

std::string format_time(std::chrono::system_clock::time_point x) {
  using namespace std::chrono;
  auto milli = floor<milliseconds>(x);
  auto day = floor<days>(milli);
  auto date = year_month_day{day};
  auto time = hh_mm_ss{milli - day};
  auto part = [](auto count, size_t width) { return padded(static_cast<unsigned>(count), width); };
  return part(static_cast<int>(date.year()), 4) + '-' + part(static_cast<unsigned>(date.month()), 2)
         + '-' + part(static_cast<unsigned>(date.day()), 2) + 'T' + part(time.hours().count(), 2)
         + ':' + part(time.minutes().count(), 2) + ':' + part(time.seconds().count(), 2) + '.'
         + part(time.subseconds().count(), 3) + 'Z';
}

std::string text_line(const log_record& x) {
  auto out = format_time(x.time) + ' ';
  out.append(to_string(x.importance)) += ' ';
  append_harmless(out, x.category);
  if (!x.message_last) {
    out += ' ';
    append_harmless(out, message_of(x));
  }
  for (auto& f : x.fields) {
    out += ' ';
    append_harmless(out, f.name);
    out += '=';
    if (auto text = text_of(f))
      append_text_value(out, *text);
    else
      out += std::visit(plain_value{}, f.value);
  }
  if (x.message_last) {
    out += ": ";
    append_harmless(out, message_of(x));
  }
  return out;
}

std::string json_line(const log_record& x) {
  auto out = "{\"time\":\"" + format_time(x.time) + "\",\"level\":";
  append_json(out, to_string(x.importance));
  out += ",\"category\":";
  append_json(out, x.category);
  out += ",\"message\":";
  append_json(out, message_of(x));
  for (auto& f : x.fields) {
    out += ',';
    append_json(out, f.name);
    out += ':';
    if (auto text = text_of(f))
      append_json(out, *text);
    else
      out += std::visit(plain_value{}, f.value);
  }
  return out + '}';
}

} // namespace snakepit::telemetry
