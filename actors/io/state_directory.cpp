#include "actors/io/state_directory.hpp"

#include "actors/core/process_marks.hpp"
#include "actors/io/proc_files.hpp"
#include "actors/io/random_bytes.hpp"
#include "actors/io/system_error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

namespace fs = std::filesystem;

constexpr mode_t private_mode = 0700;

/// What belongs to one ledger; the lock is removed last.
constexpr auto endings = {".db-wal", ".db-shm", ".db-journal", ".db"};

tl::unexpected<error> refused(const std::string& folder, const std::string& why) {
  return fail(reason::invalid_config,
              "the state directory " + folder + " cannot be used: " + why
                + "; set instance.state_dir to a folder of your own",
              {{"path", folder}});
}

tl::unexpected<error> disk_trouble(const std::string& folder, int number) {
  return fail(reason::internal, "the state directory " + folder + ": " + describe_errno(number),
              {{"path", folder}});
}

std::string home() {
  if (auto* x = std::getenv("HOME"); x != nullptr && x[0] == '/')
    return x;
  auto* user = ::getpwuid(::geteuid());
  return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "/";
}

std::string base(const std::string& configured) {
  if (!configured.empty()) {
    std::error_code bad;
    auto path = fs::absolute(configured, bad).lexically_normal().string();
    while (path.size() > 1 && path.back() == '/')
      path.pop_back();
    return bad ? configured : path;
  }
  if (auto* xdg = std::getenv("XDG_STATE_HOME"); xdg != nullptr && xdg[0] == '/')
    return std::string{xdg} + "/snakepit";
  return ::geteuid() == 0 ? "/var/lib/snakepit" : home() + "/.local/state/snakepit";
}

/// The file that the path names now is the one that is open.
bool is_same_file(int fd, const std::string& path) {
  struct stat open {
  }, there{};
  return ::fstat(fd, &open) == 0 && ::lstat(path.c_str(), &there) == 0
         && open.st_ino == there.st_ino && open.st_dev == there.st_dev;
}

} // namespace

std::string ledger_place::stem(const std::string& run_id) const {
  auto label = core::instance_label(name, id);
  return folder + "/" + (id.empty() ? label + "-" + run_id : label);
}

std::vector<std::string> ledger_place::find() const {
  auto found = std::set<std::string>{};
  std::error_code bad;
  for (fs::directory_iterator it{folder, bad}, end; !bad && it != end; it.increment(bad)) {
    auto file = it->path().filename();
    if (file.extension() != ".db" && file.extension() != ".lock")
      continue;
    auto stem = file.stem().string();
    auto own = name + "-";
    auto is_run = id.empty() && stem.starts_with(own) && is_run_id(stem.substr(own.size()));
    if (is_run || (!id.empty() && stem == core::instance_label(name, id)))
      found.insert(folder + "/" + stem);
  }
  return {found.begin(), found.end()};
}

ledger_place ledger_place_of(const instance_config& x) {
  return {base(x.state_dir), x.name, x.id};
}

result<void> make_state_directory(const std::string& folder) {
  std::error_code bad;
  auto parent = fs::path{folder}.parent_path();
  fs::create_directories(parent, bad);
  if (::mkdir(folder.c_str(), private_mode) != 0 && errno != EEXIST)
    return disk_trouble(folder, errno);
  struct stat about {};
  if (::lstat(folder.c_str(), &about) != 0)
    return disk_trouble(folder, errno);
  if (!S_ISDIR(about.st_mode))
    return refused(folder, "it is not a folder, or a link to one");
  if (about.st_uid != ::geteuid())
    return refused(folder, "it belongs to user " + std::to_string(about.st_uid) + ", not to user "
                             + std::to_string(::geteuid()));
  if ((about.st_mode & 0022) != 0)
    return refused(folder, "others may write to it");
  return {};
}

tl::expected<ledger_lock, ledger_lock::failure> ledger_lock::take(const std::string& stem) {
  auto path = stem + ".lock";
  // Whoever removes a ledger holds its lock, and may do so between our opening and locking it.
  for (int attempt = 0; attempt < 100; ++attempt) {
    auto why = 0;
    auto fd = host_only::make([&] {
      auto flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
      auto file = descriptor{::open(path.c_str(), flags, 0600)};
      why = errno;
      return file;
    });
    if (!fd)
      return tl::unexpected{failure{trouble::disk, path + ": " + describe_errno(why)}};
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      why = errno;
      if (why == EINTR)
        continue;
      auto what = why == EWOULDBLOCK ? trouble::held : trouble::disk;
      return tl::unexpected{failure{what, path + ": " + describe_errno(why), read_holder(stem)}};
    }
    if (is_same_file(fd.get(), path))
      return ledger_lock{stem, std::move(fd)};
  }
  return tl::unexpected{failure{trouble::held, path + " comes and goes"}};
}

void ledger_lock::sign(const ledger_holder& x) const noexcept {
  auto text =
    std::to_string(x.pid) + " " + std::to_string(x.start_time) + " " + x.run + " " + x.since + "\n";
  // Nobody depends on it: it tells people who is there.
  if (::ftruncate(fd_.get(), 0) == 0) [[maybe_unused]]
    auto n = ::pwrite(fd_.get(), text.data(), text.size(), 0);
}

void ledger_lock::remove_ledger() noexcept {
  if (!fd_ || is_fork())
    return;
  for (auto ending : endings)
    ::unlink((stem_ + ending).c_str());
  ::unlink((stem_ + ".lock").c_str());
  fd_.reset();
}

std::optional<ledger_holder> read_holder(const std::string& stem) {
  auto text = read_small_file(stem + ".lock");
  auto out = ledger_holder{};
  if (!text || !(std::istringstream{*text} >> out.pid >> out.start_time >> out.run >> out.since))
    return std::nullopt;
  return out;
}

} // namespace snakepit::io
