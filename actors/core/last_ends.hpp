#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <utility>

namespace snakepit::core {

/// How the last few workers of a pool ended, as texts for the error of a pool that has failed.
class last_ends {
public:
  static constexpr size_t kept = 5;
  static constexpr size_t longest = 300;

  void note(std::string text) {
    if (text.size() > longest) {
      // Not in the middle of a character.
      auto end = longest;
      while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
      text = text.substr(0, end) + "...";
    }
    for (auto& c : text)
      if (c == '\n')
        c = ' ';
    texts_.push_back(std::move(text));
    if (texts_.size() > kept)
      texts_.pop_front();
  }

  /// One a line, oldest first; empty if none has ended.
  std::string text() const {
    std::string out;
    for (auto& x : texts_)
      out += (out.empty() ? "" : "\n") + x;
    return out;
  }

private:
  std::deque<std::string> texts_;
};

} // namespace snakepit::core
