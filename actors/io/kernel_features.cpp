#include "actors/io/kernel_features.hpp"

#include "actors/io/descriptor.hpp"
#include "actors/io/proc_files.hpp"
#include "actors/io/system_error.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace snakepit::io {

namespace {

tl::unexpected<error> missing(const std::string& what, const std::string& why) {
  return fail(reason::internal,
              "this system lacks " + what + " (" + why
                + "); Linux 5.4 or later with /proc is needed, and no sandbox that forbids it",
              {{"missing", what}});
}

result<void> check_pidfd() {
  descriptor self{static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0))};
  if (!self) {
    auto why = errno;
    if (why == EMFILE || why == ENFILE)
      return start_failure("pidfd_open", why);
    return missing("pidfd_open", describe_errno(why));
  }
  if (::syscall(SYS_pidfd_send_signal, self.get(), 0, nullptr, 0) != 0)
    return missing("pidfd_send_signal", describe_errno(errno));
  // We are not our own child: a kernel that knows this kind of waiting says so, others say EINVAL.
  siginfo_t ignored{};
  if (::waitid(P_PIDFD, static_cast<id_t>(self.get()), &ignored, WEXITED | WNOHANG) != 0
      && errno != ECHILD)
    return missing("waitid by pidfd", describe_errno(errno));
  return {};
}

result<void> check_memfd() {
  descriptor fd{::memfd_create("snakepit-check", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!fd) {
    auto why = errno;
    if (why == EMFILE || why == ENFILE)
      return start_failure("memfd_create", why);
    return missing("memfd_create", describe_errno(why));
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return missing("sealing of a memfd", describe_errno(errno));
  return {};
}

} // namespace

result<void> check_kernel_features() {
  if (auto ok = check_pidfd(); !ok)
    return ok;
  if (auto ok = check_memfd(); !ok)
    return ok;
  if (!read_proc_stat(::getpid()))
    return missing("/proc", "/proc/PID/stat cannot be read");
  if (read_boot_id().empty())
    return missing("/proc", "/proc/sys/kernel/random/boot_id cannot be read");
  return {};
}

} // namespace snakepit::io
