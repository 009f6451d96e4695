#include "actors/io/descriptor.hpp"

#include <unistd.h>

namespace snakepit::io {

void descriptor::reset() noexcept {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

} // namespace snakepit::io
