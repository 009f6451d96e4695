#include "actors/cli/line_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace snakepit::cli {

namespace {
constexpr size_t read_size = size_t{256} << 10;
}

line_reader::line_reader(int fd, int wake, size_t max_line)
  : fd_{fd}, wake_{wake}, max_line_{max_line} {
  // nop
}

line_reader::outcome line_reader::next(line& out, bool may_wait) {
  for (;;) {
    if (take(out))
      return outcome::line;
    if (ended_)
      return outcome::end;
    if (auto x = fill(may_wait); x != outcome::line)
      return x;
  }
}

bool line_reader::take(line& out) {
  auto* from = buffer_.data() + scanned_;
  auto* found = static_cast<const char*>(std::memchr(from, '\n', size_ - scanned_));
  if (found) {
    finish(out, static_cast<size_t>(found - (buffer_.data() + begin_)), 1);
    return true;
  }
  scanned_ = size_;
  if (size_ - begin_ > max_line_) {
    skipping_ = true;
    consumed_ += size_ - begin_;
    begin_ = size_;
  }
  if (!ended_ || (begin_ == size_ && !skipping_))
    return false;
  finish(out, size_ - begin_, 0);
  return true;
}

void line_reader::finish(line& out, size_t size, size_t skip) {
  out.too_long = skipping_ || size > max_line_;
  out.text = out.too_long ? std::string_view{} : std::string_view{buffer_.data() + begin_, size};
  consumed_ += size + skip;
  begin_ += size + skip;
  scanned_ = begin_;
  skipping_ = false;
  out.number = ++number_;
  out.end = consumed_;
}

line_reader::outcome line_reader::fill(bool may_wait) {
  pollfd waited[] = {{fd_, POLLIN, 0}, {wake_, POLLIN, 0}};
  int ready = poll(waited, wake_ < 0 ? 1 : 2, may_wait ? -1 : 0);
  if (wake_ >= 0 && waited[1].revents)
    return outcome::woken;
  if (ready <= 0)
    return ready == 0 || errno == EINTR ? (may_wait ? outcome::line : outcome::would_block)
                                        : (error_ = errno, outcome::failed);
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, size_ - begin_);
    size_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < size_ + read_size)
    buffer_.resize(std::max(size_ + read_size, std::min(size_ * 2, max_line_ + read_size)));
  auto n = read(fd_, buffer_.data() + size_, buffer_.size() - size_);
  if (n > 0)
    size_ += static_cast<size_t>(n);
  else if (n == 0)
    ended_ = true;
  else if (errno != EINTR && errno != EAGAIN)
    return error_ = errno, outcome::failed;
  return outcome::line;
}

} // namespace snakepit::cli
