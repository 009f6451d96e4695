#include "actors/io/wire_error.hpp"

#include "actors/io/wire_codec.hpp"
#include "worker.pb.h"

#include <algorithm>

namespace snakepit::io {

namespace {

python_frame decode(const worker::v1::Frame& x) {
  return {cut(x.file(), max_word_bytes), x.line(), cut(x.function(), max_word_bytes),
          cut(x.text(), max_word_bytes)};
}

// Endless recursion makes long tracebacks, whose two ends say most.
std::vector<python_frame> decode_frames(const worker::v1::PythonError& x) {
  auto total = static_cast<size_t>(x.frames_size());
  auto count = std::min(total, max_frames);
  std::vector<python_frame> out;
  out.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    auto from = i < count / 2 ? i : total - count + i;
    out.push_back(decode(x.frames(static_cast<int>(from))));
  }
  return out;
}

python_error decode(const worker::v1::PythonError& x, size_t causes_left) {
  python_error out;
  out.type = cut(x.type(), max_word_bytes);
  out.message = cut(x.message(), max_error_text_bytes);
  out.frames = decode_frames(x);
  if (x.has_cause() && causes_left > 0)
    out.cause = std::make_shared<python_error>(decode(x.cause(), causes_left - 1));
  return out;
}

} // namespace

std::string cut(const std::string& text, size_t limit) {
  if (text.size() <= limit)
    return text;
  static constexpr std::string_view mark = " [cut]";
  auto end = limit - mark.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end; // not inside a UTF-8 sequence
  return text.substr(0, end).append(mark);
}

error decode(const worker::v1::Error& x) {
  error out;
  out.message = cut(x.message(), max_error_text_bytes);
  for (auto& [key, text] : x.details()) {
    if (out.details.size() == max_error_details)
      break;
    out.details.emplace(cut(key, max_word_bytes), cut(text, max_error_text_bytes));
  }
  if (auto known = find_reason(x.reason())) {
    out.reason = *known;
  } else {
    out.reason = reason::protocol_error;
    out.details.insert_or_assign("reason", cut(x.reason(), max_word_bytes));
  }
  out.retryable = x.retryable() && retry_of(out.reason) != retry::no;
  if (x.has_python())
    out.python = decode(x.python(), max_causes);
  return out;
}

error decode_error(std::string_view message) {
  worker::v1::Error x;
  if (!parse(x, message))
    return {reason::protocol_error, "the worker sent an error that cannot be decoded"};
  return decode(x);
}

} // namespace snakepit::io
