#include "actors/io/output_reader.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/ioctl.h>
#include <unistd.h>

namespace snakepit::io {

void output_tail::append(std::string_view bytes) {
  if (bytes.size() > kept)
    bytes.remove_prefix(bytes.size() - kept);
  std::lock_guard guard{mutex_};
  if (bytes_.size() + bytes.size() > 2 * kept)
    bytes_.erase(0, bytes_.size() - (kept - std::min(kept, bytes.size())));
  bytes_.append(bytes);
}

std::string output_tail::last(size_t limit) const {
  std::lock_guard guard{mutex_};
  auto n = std::min({limit, kept, bytes_.size()});
  return bytes_.substr(bytes_.size() - n);
}

bool output_reader::read_some(std::span<char> scratch, const sink& out) {
  auto n = ::read(pipe_.get(), scratch.data(), scratch.size());
  if (n < 0)
    return errno == EAGAIN || errno == EINTR;
  std::string_view bytes{scratch.data(), static_cast<size_t>(n)};
  if (tail_ != nullptr)
    tail_->append(bytes);
  lines_.feed(bytes, clock::now(), out);
  return n > 0;
}

void output_reader::read_rest(std::span<char> scratch, const sink& out) {
  // Not until the end of the file: what the worker has started and left behind may hold the pipe
  // open, and may even write for ever. Nobody can have more in it than this.
  int left = 0;
  if (pipe_ && ::ioctl(pipe_.get(), FIONREAD, &left) == 0) {
    while (left > 0) {
      auto part = scratch.first(std::min(scratch.size(), static_cast<size_t>(left)));
      auto n = ::read(pipe_.get(), part.data(), part.size());
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        break;
      std::string_view bytes{part.data(), static_cast<size_t>(n)};
      if (tail_ != nullptr)
        tail_->append(bytes);
      lines_.feed(bytes, clock::now(), out);
      left -= static_cast<int>(n);
    }
  }
  lines_.finish(clock::now(), out);
}

} // namespace snakepit::io
