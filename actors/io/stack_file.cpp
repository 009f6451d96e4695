#include "actors/io/stack_file.hpp"

#include "actors/core/stack_sample.hpp"
#include "actors/io/system_error.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace snakepit::io {

result<stack_file> stack_file::make(descriptor& theirs) {
  stack_file out;
  out.fd_ = descriptor{::memfd_create("snakepit-stacks", MFD_CLOEXEC)};
  if (!out.fd_)
    return start_failure("memfd_create", errno);
  // Both descriptors share one file with one position: appending does not mind when it is cut.
  if (::fcntl(out.fd_.get(), F_SETFL, O_APPEND) != 0)
    return start_failure("fcntl of the file for stacks", errno);
  theirs = descriptor{::fcntl(out.fd_.get(), F_DUPFD_CLOEXEC, 0)};
  if (!theirs)
    return start_failure("dup of the file for stacks", errno);
  return out;
}

void stack_file::clear() noexcept {
  // An error leaves what was there, which a reader can tell from its threads.
  static_cast<void>(::ftruncate(fd_.get(), 0) == 0);
}

size_t stack_file::size() const noexcept {
  struct stat about {};
  return fd_ && ::fstat(fd_.get(), &about) == 0 ? static_cast<size_t>(about.st_size) : 0;
}

std::string stack_file::text() const {
  auto whole = size();
  auto out = std::string(std::min(whole, core::max_stack_text), '\0');
  auto from = whole - out.size();
  size_t have = 0;
  while (have < out.size()) {
    auto n =
      ::pread(fd_.get(), out.data() + have, out.size() - have, static_cast<off_t>(from + have));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    have += static_cast<size_t>(n);
  }
  out.resize(have);
  return out;
}

} // namespace snakepit::io
