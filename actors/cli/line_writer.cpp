#include "actors/cli/line_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace snakepit::cli {

line_writer::line_writer(int fd, int wake) : fd_{fd}, wake_{wake} {
  struct stat facts {};
  may_block_ = fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode);
}

void line_writer::append(std::string_view line) {
  buffer_ += line;
  buffer_ += '\n';
}

bool line_writer::writable() {
  pollfd waited[] = {{fd_, POLLOUT, 0}, {wake_, POLLIN, 0}};
  while (poll(waited, wake_ < 0 ? 1 : 2, -1) < 0)
    if (errno != EINTR)
      return true; // the write will say what is wrong
  if (waited[0].revents)
    return true;
  error_ = ECANCELED;
  return false;
}

bool line_writer::write_some(size_t& offset) {
  auto size = buffer_.size() - offset;
  if (may_block_) {
    if (!writable())
      return false;
    // What poll promises room for; more could block for ever.
    size = std::min<size_t>(size, PIPE_BUF);
  }
  auto n = write(fd_, buffer_.data() + offset, size);
  if (n < 0) {
    if (errno == EINTR || errno == EAGAIN)
      return true;
    error_ = errno;
    return false;
  }
  std::string_view written{buffer_.data() + offset, static_cast<size_t>(n)};
  lines_ += static_cast<uint64_t>(std::count(written.begin(), written.end(), '\n'));
  auto end = written.rfind('\n');
  torn_ = end == std::string_view::npos ? torn_ + written.size() : written.size() - end - 1;
  offset += written.size();
  return true;
}

bool line_writer::flush() {
  size_t offset = 0;
  while (error_ == 0 && offset < buffer_.size())
    if (!write_some(offset))
      break;
  buffer_.clear();
  return error_ == 0;
}

void line_writer::cut_torn_line() {
  if (may_block_ || torn_ == 0)
    return;
  auto end = lseek(fd_, 0, SEEK_CUR);
  // Not when appending for others too: only what is the end of the file is ours to cut.
  if (end >= 0 && end == lseek(fd_, 0, SEEK_END)
      && ftruncate(fd_, end - static_cast<off_t>(torn_)) == 0)
    lseek(fd_, 0, SEEK_END);
  torn_ = 0;
}

std::string line_writer::error_text() const {
  return std::strerror(error_);
}

} // namespace snakepit::cli
