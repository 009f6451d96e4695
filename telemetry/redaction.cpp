#include "telemetry/redaction.hpp"

#include "telemetry/secret_shape.hpp"

#include <algorithm>
#include <array>

namespace snakepit::telemetry {

namespace {

constexpr auto quotes = std::string_view{"\"'`"};

bool is_name_char(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '-';
}

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/// Lower case, without what joins words.
std::string folded(std::string_view name) {
  auto result = std::string{};
  for (auto c : name)
    if (c != '_' && c != '-')
      result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

/// Reads the text from left to right, copies it, and leaves out secrets.
class redactor {
public:
  explicit redactor(std::string_view text) : text_{text} {
    out_.reserve(text.size());
  }

  std::string run() {
    while (at_ < text_.size()) {
      auto word_begins = at_ == 0 || !is_name_char(text_[at_ - 1]);
      if (is_name_char(text_[at_]) && word_begins)
        word();
      else if (text_.substr(at_).starts_with("://"))
        address();
      else if (!shape())
        copy(1);
    }
    return std::move(out_);
  }

private:
  void copy(size_t count) {
    out_.append(text_.substr(at_, count));
    at_ += count;
  }

  void hide(size_t count) {
    out_.append(redacted);
    at_ += count;
  }

  size_t skip(size_t from, bool (*of)(char)) const {
    while (from < text_.size() && of(text_[from]))
      ++from;
    return from;
  }

  /// Behind colours, which structured loggers put around names and values.
  size_t skip_colour(size_t from) const {
    if (!text_.substr(from).starts_with("\x1b["))
      return from;
    auto end = skip(from + 2, [](char c) { return is_digit(c) || c == ';'; });
    return end < text_.size() && text_[end] == 'm' ? end + 1 : from;
  }

  /// At the begin of a name, perhaps of a secret.
  void word() {
    auto end = skip(at_, is_name_char);
    auto name = text_.substr(at_, end - at_);
    if (is_secret_name(name)) {
      auto value = value_of(name, end);
      copy(value - at_);
      if (value != end)
        hide_value(name);
      return;
    }
    if (auto value = credentials_of(name, end)) {
      copy(value - at_);
      hide(skip(at_, is_credential_char) - at_);
      return;
    }
    if (!shape())
      copy(1);
  }

  /// Where the value of the secret `name`, which ends at `end`, begins; `end` if it has none.
  size_t value_of(std::string_view name, size_t end) const {
    auto i = end;
    while (i < text_.size() && (text_[i] == '\\' || quotes.find(text_[i]) != quotes.npos))
      ++i;
    i = skip(skip_colour(i), is_space);
    if (i < text_.size() && (text_[i] == ':' || text_[i] == '=')) {
      i = skip(i, [](char c) { return c == ':' || c == '=' || c == '>'; });
      i = skip_colour(skip(skip_colour(i), is_space));
      return i < text_.size() ? i : end;
    }
    // `--password hunter2`
    auto is_option = name.starts_with("--") && i > end && i < text_.size() && text_[i] != '-';
    return is_option ? i : end;
  }

  /// Where what follows `Bearer` or `Basic` begins, if it is a credential and no English.
  size_t credentials_of(std::string_view name, size_t end) const {
    auto scheme = folded(name.substr(0, 8));
    if (scheme != "bearer" && scheme != "basic")
      return 0;
    auto begin = skip(end, is_space);
    auto word = text_.substr(begin, skip(begin, is_credential_char) - begin);
    auto telling = std::any_of(word.begin(), word.end(), is_digit) || word.ends_with('=');
    return begin > end && word.size() >= 8 && (telling || word.size() >= 20) ? begin : 0;
  }

  static bool is_credential_char(char c) {
    return is_name_char(c) || c == '+' || c == '/' || c == '=' || c == '.' || c == '~';
  }

  void hide_value(std::string_view name) {
    auto kind = folded(name);
    auto header = kind.find("authorization") != kind.npos || kind.find("cookie") != kind.npos;
    // b'...', r"..."
    if (at_ + 1 < text_.size() && is_letter(text_[at_])
        && quotes.find(text_[at_ + 1]) != quotes.npos)
      copy(1);
    auto escaped = text_[at_] == '\\' && at_ + 1 < text_.size();
    auto quote = text_[at_ + (escaped ? 1 : 0)];
    if (quotes.find(quote) != quotes.npos) {
      copy(escaped ? 2 : 1);
      hide(quoted_end(quote, escaped) - at_);
    } else if (header || quote == '{' || quote == '[' || quote == '(') {
      hide(line_end() - at_);
    } else if (auto end = word_end(); end != at_) {
      hide(end - at_);
    }
  }

  /// Where the quote closes, or the text ends.
  size_t quoted_end(char quote, bool escaped) const {
    for (auto i = at_; i < text_.size(); ++i) {
      if (text_[i] == quote)
        return i;
      if (text_[i] != '\\' || i + 1 == text_.size())
        continue;
      if (escaped && text_[i + 1] == quote)
        return i;
      ++i;
    }
    return text_.size();
  }

  size_t line_end() const {
    return std::min(text_.find_first_of("\r\n", at_), text_.size());
  }

  size_t word_end() const {
    auto end = std::min(text_.find_first_of(" \t\r\n,;&)]}\"'<>|", at_), text_.size());
    auto scheme = folded(text_.substr(at_, std::min(end - at_, size_t{8})));
    if (scheme != "bearer" && scheme != "basic")
      return end;
    auto next = skip(end, is_space);
    return std::min(text_.find_first_of(" \t\r\n,;&)]}\"'<>|", next), text_.size());
  }

  /// At "://": hides the password of `scheme://user:password@host`.
  void address() {
    copy(3);
    auto end = std::min(text_.find_first_of(" \t\r\n/?#\"'<>`", at_), text_.size());
    auto authority = text_.substr(at_, end - at_);
    auto host = authority.rfind('@');
    auto colon = authority.find(':');
    if (host == authority.npos || colon >= host)
      return;
    copy(colon + 1);
    hide(host - colon - 1);
  }

  /// Hides a secret that is known by its shape alone, if one begins here.
  bool shape() {
    auto before = at_ == 0 ? ' ' : text_[at_ - 1];
    auto length = secret_length(text_.substr(at_), before);
    if (length == 0)
      return false;
    hide(length);
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string out_;
};

} // namespace

bool is_secret_name(std::string_view name) noexcept {
  constexpr auto parts = std::array<std::string_view, 10>{
    "password",      "passwd", "passphrase", "secret",     "credential",
    "authorization", "cookie", "apikey",     "privatekey", "accesskey"};
  // The end of a name tells what it is, and bounds the cost.
  constexpr auto longest = size_t{64};
  auto tail = std::array<char, longest>{};
  auto size = size_t{0};
  for (auto c : name.substr(name.size() - std::min(name.size(), longest)))
    if (c != '_' && c != '-')
      tail[size++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  auto word = std::string_view{tail.data(), size};
  return word.ends_with("token") || word.ends_with("pwd")
         || std::any_of(parts.begin(), parts.end(),
                        [&](auto part) { return word.find(part) != word.npos; });
}

std::string redact(std::string_view text) {
  return redactor{text}.run();
}

std::string redact(std::string_view name, std::string_view value) {
  for (auto id : {"trace_id", "span_id", "traceparent", "correlation_id", "run_id"})
    if (name == id)
      return std::string{value};
  return is_secret_name(name) ? std::string{redacted} : redact(value);
}

} // namespace snakepit::telemetry
