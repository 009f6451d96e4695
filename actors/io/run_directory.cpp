#include "actors/io/run_directory.hpp"

#include "actors/io/random_bytes.hpp"
#include "actors/io/system_error.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace snakepit::io {

namespace {

namespace fs = std::filesystem;

constexpr mode_t private_mode = 0700;

tl::unexpected<error> refused(const std::string& folder, const std::string& why) {
  return fail(reason::invalid_config, "the run directory " + folder + " cannot be used: " + why,
              {{"path", folder}});
}

bool is_own_folder(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::geteuid();
}

/// Opens the folder and checks it through the descriptor, so that nothing can be put in its place
/// between the look and the use.
result<descriptor> open_private(const std::string& path) {
  descriptor fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!fd) {
    auto why = errno;
    if (why == ELOOP || why == ENOTDIR)
      return refused(path, "it is not a folder, or a link to one");
    return refused(path, describe_errno(why));
  }
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0)
    return refused(path, describe_errno(errno));
  if (about.st_uid != ::geteuid())
    return refused(path, "it belongs to user " + std::to_string(about.st_uid) + ", not to user "
                           + std::to_string(::geteuid()));
  if ((about.st_mode & 0077) != 0)
    return refused(path, "others may enter it; `chmod 700` it, or choose another instance.run_dir");
  return fd;
}

result<descriptor> open_base(const std::string& path) {
  std::error_code ignored; // what is missing shows when the folder itself is made
  fs::create_directories(fs::path{path}.parent_path(), ignored);
  if (::mkdir(path.c_str(), private_mode) != 0 && errno != EEXIST)
    return refused(path, describe_errno(errno));
  return open_private(path);
}

/// Whether it is one of `folder_for`.
bool is_user_folder(const fs::path& path) {
  std::error_code ignored;
  return path.filename().string().find_first_not_of("0123456789") == std::string::npos
         && fs::is_directory(fs::symlink_status(path, ignored));
}

/// Removes the sockets in a folder and then the folder, if nothing else is in it.
void remove_sockets(const fs::path& folder) {
  std::error_code bad;
  for (fs::directory_iterator it{folder, bad}, end; !bad && it != end; it.increment(bad))
    if (std::error_code ignored; fs::is_socket(it->symlink_status(ignored)))
      fs::remove(it->path(), ignored);
  ::rmdir(folder.c_str());
}

void remove_run(const fs::path& folder) {
  std::error_code bad;
  for (fs::directory_iterator it{folder, bad}, end; !bad && it != end; it.increment(bad))
    if (is_user_folder(it->path()))
      remove_sockets(it->path());
  remove_sockets(folder);
}

/// Removes the folders of runs that are over. Best effort: nobody depends on it. Takes nothing but
/// what can only be ours, since RUN_DIR may be a folder that somebody keeps other things in.
void sweep(const std::string& base) {
  std::error_code bad;
  for (fs::directory_iterator it{base, bad}, end; !bad && it != end; it.increment(bad)) {
    if (!is_run_id(it->path().filename().string()))
      continue;
    descriptor folder{::open(it->path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (folder && ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0)
      remove_run(it->path());
  }
}

/// With the longest name of a socket that can come.
bool fits_socket(const std::string& folder) {
  auto longest = folder.size() + 1 + std::numeric_limits<uint32_t>::digits10 + 1 + 5;
  return longest < sizeof(sockaddr_un::sun_path);
}

} // namespace

std::string run_directory::base(const std::string& configured) {
  if (!configured.empty()) {
    std::error_code bad;
    auto path = fs::absolute(configured, bad).string();
    while (path.size() > 1 && path.back() == '/')
      path.pop_back();
    return bad ? configured : path;
  }
  auto* xdg = std::getenv("XDG_RUNTIME_DIR");
  if (xdg != nullptr && xdg[0] == '/' && is_own_folder(xdg))
    return std::string{xdg} + "/snakepit";
  if (::geteuid() == 0)
    return "/run/snakepit";
  return "/tmp/snakepit-" + std::to_string(::geteuid());
}

result<std::string> run_directory::make_base(const std::string& configured) {
  auto path = base(configured);
  if (auto fd = open_base(path); !fd)
    return tl::unexpected{fd.error()};
  return path;
}

result<run_directory> run_directory::make(const std::string& configured,
                                          const std::string& run_id) {
  auto base_path = base(configured);
  auto path = base_path + "/" + run_id;
  if (!fits_socket(path))
    return refused(base_path, "its name is too long: the path of a socket in it has room for "
                                + std::to_string(sizeof(sockaddr_un::sun_path) - 1)
                                + " bytes; set instance.run_dir to a shorter one");
  auto base_fd = open_base(base_path);
  if (!base_fd)
    return tl::unexpected{base_fd.error()};
  // Until our own folder is locked no other run may sweep, and none may start while we do.
  while (::flock(base_fd->get(), LOCK_EX) != 0)
    if (errno != EINTR)
      return refused(base_path, "locking it: " + describe_errno(errno));
  sweep(base_path);
  if (::mkdirat(base_fd->get(), run_id.c_str(), private_mode) != 0)
    return refused(path, describe_errno(errno));
  auto problem = result<void>{};
  auto lock = host_only::make([&] {
    auto fd = open_private(path);
    if (!fd)
      problem = tl::unexpected{fd.error()};
    return fd ? std::move(*fd) : descriptor{};
  });
  if (!problem)
    return tl::unexpected{problem.error()};
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return refused(path, "locking it: " + describe_errno(errno));
  return run_directory{std::move(path), std::move(lock)};
}

run_directory::run_directory(run_directory&& x) noexcept
  : path_{std::exchange(x.path_, {})}, lock_{std::move(x.lock_)}, last_{x.last_.load()} {}

run_directory::~run_directory() {
  std::error_code ignored;
  if (!path_.empty() && !is_fork())
    fs::remove_all(path_, ignored);
}

result<run_directory::user_folder> run_directory::folder_for(const worker_user& user) {
  auto name = std::to_string(user.id);
  auto path = path_ + "/" + name;
  if (!fits_socket(path))
    return refused(path, "its name is too long for sockets; set instance.run_dir to a shorter one");
  if (::mkdirat(lock_.get(), name.c_str(), private_mode) != 0 && errno != EEXIST)
    return refused(path, describe_errno(errno));
  auto fd = std::make_shared<descriptor>(
    ::openat(lock_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!*fd || ::fchown(fd->get(), user.id, user.group) != 0)
    return refused(path, describe_errno(errno));
  return user_folder{std::move(path), std::move(fd)};
}

std::string run_directory::next_socket() {
  return path_ + "/" + std::to_string(++last_) + ".sock";
}

} // namespace snakepit::io
