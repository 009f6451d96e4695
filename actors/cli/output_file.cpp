#include "actors/cli/output_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace snakepit::cli {

namespace {

tl::unexpected<error> cannot(const char* verb, const std::string& path) {
  return fail(reason::invalid_argument,
              std::string{"cannot "} + verb + ' ' + path + ": " + std::strerror(errno),
              {{"file", path}});
}

bool is_regular(int fd) {
  struct stat facts {};
  return fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
}

} // namespace

output_file::output_file(output_file&& x) noexcept
  : fd_{std::exchange(x.fd_, -1)}, path_{std::move(x.path_)} {
  // nop
}

output_file& output_file::operator=(output_file&& x) noexcept {
  std::swap(fd_, x.fd_);
  std::swap(path_, x.path_);
  return *this;
}

output_file::~output_file() {
  close();
}

result<output_file> output_file::open(const std::string& path) {
  output_file out;
  out.path_ = path;
  // Not O_RDWR for pipes and devices: only what is resumed is read.
  out.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
  if (out.fd_ < 0)
    out.fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
  if (out.fd_ < 0)
    return cannot("write", path);
  return out;
}

result<void> output_file::cut(int64_t size) {
  if (is_regular(fd_) && (ftruncate(fd_, size) != 0 || lseek(fd_, size, SEEK_SET) < 0))
    return cannot("write", path_);
  return {};
}

result<void> output_file::begin() {
  return cut(0);
}

result<uint64_t> output_file::resume() {
  if (!is_regular(fd_))
    return fail(reason::invalid_argument, path_ + " is not a file that could be continued");
  std::vector<char> buffer(size_t{1} << 20);
  uint64_t lines = 0;
  int64_t position = 0;
  int64_t whole = 0;
  for (;;) {
    auto n = pread(fd_, buffer.data(), buffer.size(), position);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return cannot("read", path_);
    if (n == 0)
      break;
    auto begin = buffer.begin();
    auto end = begin + n;
    lines += static_cast<uint64_t>(std::count(begin, end, '\n'));
    auto last = std::find(std::make_reverse_iterator(end), std::make_reverse_iterator(begin), '\n');
    if (last.base() != begin)
      whole = position + (last.base() - begin);
    position += n;
  }
  if (auto x = cut(whole); !x)
    return tl::unexpected{std::move(x.error())};
  return lines;
}

bool output_file::close() {
  auto fd = std::exchange(fd_, -1);
  return fd < 0 || ::close(fd) == 0;
}

bool same_file(int a, int b) {
  struct stat x {};
  struct stat y {};
  return is_regular(a) && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev
         && x.st_ino == y.st_ino;
}

result<int> open_input(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0)
    return cannot("read", path);
  struct stat facts {};
  if (fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode)) {
    ::close(fd);
    errno = EISDIR;
    return cannot("read", path);
  }
  return fd;
}

} // namespace snakepit::cli
