#include "actors/io/system_error.hpp"

#include <cerrno>
#include <cstring>

#include <sys/resource.h>

namespace snakepit::io {

namespace {

std::string advice(int number) {
  auto limit = [](int what) {
    rlimit x{};
    if (::getrlimit(static_cast<__rlimit_resource>(what), &x) != 0 || x.rlim_cur == RLIM_INFINITY)
      return std::string{};
    return " is " + std::to_string(x.rlim_cur);
  };
  switch (number) {
  case EMFILE:
    return "; the limit of open files (ulimit -n)" + limit(RLIMIT_NOFILE);
  case ENFILE:
    return "; the whole system has no more open files (fs.file-max)";
  case EAGAIN:
    return "; the limit of processes and threads (ulimit -u)" + limit(RLIMIT_NPROC)
           + ", or that of the control group (pids.max), is reached, or memory is short (ulimit "
             "-v)";
  case ENOMEM:
    return "; the machine, or the control group (memory.max), has no more memory, or the limit of "
           "processes' ids of the namespace is reached";
  default:
    return {};
  }
}

} // namespace

std::string describe_errno(int number) {
  auto* text = ::strerrordesc_np(number);
  auto* name = ::strerrorname_np(number);
  if (text == nullptr || name == nullptr)
    return "error " + std::to_string(number);
  return std::string{text} + " (" + name + ")";
}

tl::unexpected<error> start_failure(const std::string& step, int number) {
  auto* name = ::strerrorname_np(number);
  return fail(reason::worker_start_failed, step + ": " + describe_errno(number) + advice(number),
              {{"step", step}, {"errno", name != nullptr ? name : std::to_string(number)}});
}

} // namespace snakepit::io
