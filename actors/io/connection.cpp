#include "actors/io/connection.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace snakepit::io {

connection::~connection() {
  close(fd_);
}

result<int> connection::duplicate() const {
  int out = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (out < 0)
    return fail(reason::worker_start_failed,
                "cannot duplicate the worker's socket: " + std::generic_category().message(errno));
  return out;
}

void connection::add(std::shared_ptr<message_stream> x) {
  std::string why;
  {
    std::lock_guard guard{mutex_};
    streams_.push_back(x);
    why = why_;
  }
  if (!why.empty())
    x->cancel(why);
}

void connection::end(const std::string& why) {
  std::vector<std::shared_ptr<message_stream>> streams;
  {
    std::lock_guard guard{mutex_};
    if (!why_.empty())
      return;
    why_ = why;
    streams = streams_;
  }
  for (auto& x : streams)
    x->cancel(why);
  // gRPC completes nothing, cancelled or not, while its write into the socket waits for a peer that
  // does not read (1.51): a stopped worker would hold the streams as long as it likes.
  shutdown(fd_, SHUT_RDWR);
}

} // namespace snakepit::io
