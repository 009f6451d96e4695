#include "actors/core/json_writer.hpp"

#include "actors/core/base64.hpp"
#include "actors/core/json_bytes.hpp"

#include <charconv>
#include <cmath>

#include <simdjson.h>

namespace snakepit::core {

namespace {

template <class T>
void append_integer(std::string& out, T x) {
  char buffer[24];
  auto got = std::to_chars(buffer, buffer + sizeof buffer, x);
  out.append(buffer, got.ptr);
}

void append_escape(std::string& out, char c) {
  switch (c) {
  case '"':
    out += "\\\"";
    return;
  case '\\':
    out += "\\\\";
    return;
  case '\b':
    out += "\\b";
    return;
  case '\f':
    out += "\\f";
    return;
  case '\n':
    out += "\\n";
    return;
  case '\r':
    out += "\\r";
    return;
  case '\t':
    out += "\\t";
    return;
  default:
    out += "\\u00";
    out += "0123456789abcdef"[c >> 4 & 0xF];
    out += "0123456789abcdef"[c & 0xF];
  }
}

/// Returns whether all of it is ASCII.
bool append_string(std::string& out, std::string_view text) {
  auto at = text.data(), end = at + text.size();
  bool ascii = true;
  out += '"';
  for (;;) {
    auto run = find_plain_run(at, end);
    ascii &= run.ascii;
    out.append(at, run.end);
    if (run.end == end)
      break;
    append_escape(out, *run.end);
    at = run.end + 1;
  }
  out += '"';
  return ascii;
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
  append_string(out, text);
}

void append_json_double(std::string& out, double x) {
  char buffer[32];
  auto got = std::to_chars(buffer, buffer + sizeof buffer, x);
  std::string_view text{buffer, static_cast<size_t>(got.ptr - buffer)};
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos)
    out += ".0";
}

bool json_writer::write(const value& x) {
  struct visitor {
    json_writer& w;
    bool operator()(std::monostate) const {
      w.out_ += "null";
      return true;
    }
    bool operator()(bool b) const {
      w.out_ += b ? "true" : "false";
      return true;
    }
    bool operator()(int64_t i) const {
      append_integer(w.out_, i);
      return true;
    }
    bool operator()(uint64_t u) const {
      append_integer(w.out_, u);
      return true;
    }
    bool operator()(double d) const {
      return w.write_double(d);
    }
    bool operator()(const std::string& s) const {
      return w.write_string(s);
    }
    bool operator()(const bytes& b) const {
      return w.write_bytes(b);
    }
    bool operator()(const value::list& l) const {
      return w.write_list(l);
    }
    bool operator()(const value::map& m) const {
      return w.write_map(m);
    }
    bool operator()(const marker& m) const {
      return w.write_marker(m);
    }
  };
  return std::visit(visitor{*this}, x.data());
}

bool json_writer::write_double(double x) {
  if (!std::isfinite(x))
    return fail("JSON has no NaN and no infinities");
  append_json_double(out_, x);
  return true;
}

bool json_writer::write_string(std::string_view x) {
  return append_string(out_, x) || simdjson::validate_utf8(x.data(), x.size())
         || fail("a string is not UTF-8");
}

bool json_writer::write_bytes(const bytes& x) {
  if (how_ == dialect::people) {
    out_ += R"({"$":["base64",")";
    append_base64(out_, x.data);
    out_ += R"("]})";
    return true;
  }
  out_ += R"({"$":["bytes",)";
  append_integer(out_, attachments_.size());
  out_ += "]}";
  attachments_.push_back(&x);
  return true;
}

bool json_writer::write_marker(const marker& x) {
  out_ += R"({"$":["marker",)";
  if (!write_string(x.type))
    return false;
  out_ += ',';
  if (!write_string(x.text))
    return false;
  out_ += "]}";
  return true;
}

bool json_writer::enter() {
  return ++depth_ <= max_depth_ || fail("nested more than " + std::to_string(max_depth_) + " deep");
}

bool json_writer::write_list(const value::list& x) {
  if (!enter())
    return false;
  out_ += '[';
  for (size_t i = 0; i < x.size(); ++i) {
    if (i != 0)
      out_ += ',';
    if (!write(x[i])) {
      fault_.in_element(i);
      return false;
    }
  }
  out_ += ']';
  --depth_;
  return true;
}

bool json_writer::write_map(const value::map& x) {
  bool only_dollar = x.size() == 1 && x.begin()->first == "$";
  if (only_dollar)
    out_ += R"({"$":["map",)";
  if (!write_members(x))
    return false;
  if (only_dollar)
    out_ += "]}";
  return true;
}

bool json_writer::write_members(const value::map& x) {
  if (!enter())
    return false;
  char separator = '{';
  for (auto& [key, member] : x) {
    out_ += separator;
    separator = ',';
    if (!write_string(key))
      return false;
    out_ += ':';
    if (!write(member)) {
      fault_.in_member(key);
      return false;
    }
  }
  out_ += x.empty() ? "{}" : "}";
  --depth_;
  return true;
}

bool json_writer::fail(std::string message) {
  fault_ = json_fault{std::move(message)};
  return false;
}

} // namespace snakepit::core
