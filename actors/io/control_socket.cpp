#include "actors/io/control_socket.hpp"

#include "actors/io/system_error.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

constexpr int backlog = 64;
constexpr mode_t private_mode = 0600;
/// How long a daemon that has more connections than it takes is asked again.
constexpr int connect_tries = 100;
constexpr auto connect_pause = std::chrono::milliseconds{20};
/// How often the lock's file may have been removed under our hands, by one that ends.
constexpr int lock_tries = 100;

tl::unexpected<error> refused(const std::string& path, const std::string& why) {
  return fail(reason::invalid_config, "the control socket " + path + " cannot be used: " + why,
              {{"path", path}});
}

result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof out.sun_path)
    return refused(path, "its path is too long: there is room for "
                           + std::to_string(sizeof out.sun_path - 1)
                           + " bytes; set instance.run_dir to a shorter one");
  path.copy(out.sun_path, path.size());
  return out;
}

const sockaddr* generic(const sockaddr_un& x) {
  return reinterpret_cast<const sockaddr*>(&x);
}

descriptor make_socket() {
  return descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

result<host_only> listen_at(const std::string& path) {
  auto address = address_of(path);
  if (!address)
    return tl::unexpected{address.error()};
  auto problem = 0;
  auto out = host_only::make([&] {
    auto fd = make_socket();
    // The mode before the name: nobody finds it with another one.
    auto ok = fd && ::fchmod(fd.get(), private_mode) == 0
              && ::bind(fd.get(), generic(*address), sizeof *address) == 0
              && ::listen(fd.get(), backlog) == 0;
    problem = ok ? 0 : errno;
    return ok ? std::move(fd) : descriptor{};
  });
  if (problem != 0)
    return refused(path, describe_errno(problem));
  return out;
}

std::string lock_of(const std::string& path) {
  return path + ".lock";
}

std::string holder_of(int lock) {
  char text[24];
  auto size = ::pread(lock, text, sizeof text, 0);
  auto pid = std::string{text, static_cast<size_t>(std::max<ssize_t>(size, 0))};
  return pid.find_first_not_of("0123456789") == std::string::npos ? pid : std::string{};
}

tl::unexpected<error> taken(const std::string& path, const std::string& pid) {
  auto text = "a daemon is running here already"
              + (pid.empty() ? ", or is being started" : ", with pid " + pid) + "; it has " + path;
  return fail(reason::invalid_config,
              text + ". Choose another instance.name, instance.id or instance.run_dir",
              {{"path", path}, {"pid", pid}});
}

/// Whether the file at `path` is the one that is open.
bool is_at(int fd, const std::string& path) {
  struct stat ours {};
  struct stat there {};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0
         && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/// The lock beside the socket, held, with our pid in it.
result<host_only> lock_beside(const std::string& path) {
  auto name = lock_of(path);
  for (int i = 0; i < lock_tries; ++i) {
    auto problem = 0;
    auto lock = host_only::make([&] {
      descriptor fd{::open(name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, private_mode)};
      problem = fd ? 0 : errno;
      return fd;
    });
    if (problem != 0)
      return refused(path, "opening " + name + ": " + describe_errno(problem));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK)
        return taken(path, holder_of(lock.get()));
      return refused(path, "locking " + name + ": " + describe_errno(errno));
    }
    if (!is_at(lock.get(), name))
      continue; // whoever had it removed it after we had opened it
    auto pid = std::to_string(::getpid());
    if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0)
      return refused(path, "writing " + name + ": " + describe_errno(errno));
    return lock;
  }
  return refused(path, name + " is removed as soon as it is made");
}

/// Takes away what a daemon has left that was killed. With the lock held.
result<void> remove_stale(const std::string& path) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0)
    return {};
  if (!S_ISSOCK(about.st_mode))
    return refused(path, "something that is no socket is there");
  if (connect_to_control(path))
    return refused(path, "something else listens there");
  ::unlink(path.c_str());
  return {};
}

} // namespace

result<control_socket> control_socket::make(const std::string& path) {
  auto listener = listen_at(path);
  if (!listener)
    return tl::unexpected{std::move(listener.error())};
  return control_socket{path, std::move(*listener), {}};
}

result<control_socket> control_socket::claim(const std::string& path) {
  if (auto fits = address_of(path); !fits)
    return tl::unexpected{std::move(fits.error())};
  auto lock = lock_beside(path);
  if (!lock)
    return tl::unexpected{std::move(lock.error())};
  auto listener = remove_stale(path).and_then([&] { return listen_at(path); });
  if (!listener) {
    ::unlink(lock_of(path).c_str());
    return tl::unexpected{std::move(listener.error())};
  }
  return control_socket{path, std::move(*listener), std::move(*lock)};
}

std::string control_socket::path_of(const std::string& run_dir, const instance_config& whose) {
  return run_dir + '/' + whose.name + (whose.id.empty() ? "" : '.' + whose.id) + ".sock";
}

void control_socket::clear(const std::string& path) {
  if (::access(path.c_str(), F_OK) == 0 || ::access(lock_of(path).c_str(), F_OK) == 0)
    auto removed_at_once = claim(path);
}

control_socket::~control_socket() {
  if (!listener_ || is_fork())
    return;
  ::unlink(path_.c_str());
  if (lock_) // still held: who opens the file from now on makes another one
    ::unlink(lock_of(path_).c_str());
}

result<descriptor> connect_to_control(const std::string& path) {
  auto no_daemon = [&](const std::string& why) {
    return fail(reason::unavailable, "there is no daemon at unix:" + path + ": " + why,
                {{"address", "unix:" + path}, {"daemon", "none"}});
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return no_daemon("a socket's path has 1 to " + std::to_string(sizeof address.sun_path - 1)
                     + " bytes");
  path.copy(address.sun_path, path.size());
  auto fd = make_socket();
  if (!fd)
    return no_daemon(describe_errno(errno));
  // Non-blocking, since connecting to a full backlog would wait for as long as it is full.
  for (int i = 0; ::connect(fd.get(), generic(address), sizeof address) != 0; ++i) {
    if (errno != EAGAIN || i == connect_tries)
      return no_daemon(errno == EAGAIN ? "it does not take our connection" : describe_errno(errno));
    std::this_thread::sleep_for(connect_pause);
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return no_daemon(describe_errno(errno));
  if (peer.uid != ::geteuid() && peer.uid != 0)
    return no_daemon("user " + std::to_string(peer.uid) + " listens there");
  return fd;
}

} // namespace snakepit::io
