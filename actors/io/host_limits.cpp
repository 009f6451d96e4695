#include "actors/io/host_limits.hpp"

#include "actors/io/system_error.hpp"

#include <algorithm>
#include <cerrno>

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

tl::unexpected<error> refused(const std::string& name, const std::string& why) {
  return fail(reason::invalid_config, "limits.user: workers cannot become `" + name + "`: " + why,
              {{"user", name}});
}

std::vector<uint32_t> groups_of(const char* name, gid_t group) {
  int count = 16;
  for (;;) {
    std::vector<gid_t> out(static_cast<size_t>(count));
    auto room = count;
    if (::getgrouplist(name, group, out.data(), &count) >= 0) {
      out.resize(static_cast<size_t>(count));
      return {out.begin(), out.end()};
    }
    if (count <= room)
      return {group};
  }
}

} // namespace

fitted_limits fit_limits(const limits_config& wanted) {
  fitted_limits out;
  auto fit = [&](const char* key, __rlimit_resource what, uint64_t value, uint64_t more = 0) {
    rlimit host{};
    if (value == 0 || ::getrlimit(what, &host) != 0 || host.rlim_max == RLIM_INFINITY
        || value + more <= host.rlim_max)
      return value;
    auto most = host.rlim_max - std::min<uint64_t>(more, host.rlim_max);
    out.reduced.push_back(std::string{key} + " is " + std::to_string(most));
    return most;
  };
  auto& x = out.limits;
  x.memory = fit("limits.memory", RLIMIT_DATA, wanted.memory);
  x.files = fit("limits.files", RLIMIT_NOFILE, wanted.files);
  x.cpu_seconds = fit("limits.cpu_seconds", RLIMIT_CPU, wanted.cpu_seconds, cpu_seconds_more);
  x.core = fit("limits.core", RLIMIT_CORE, wanted.core);
  x.nice = static_cast<int>(wanted.nice);
  return out;
}

result<std::optional<worker_user>> find_user(const std::string& name) {
  std::vector<char> room(1024);
  passwd entry{};
  passwd* found = nullptr;
  int code = 0;
  while ((code = ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found)) == ERANGE)
    room.resize(room.size() * 2);
  if (found == nullptr)
    return refused(name, code == 0 ? "there is no such user" : describe_errno(code));
  if (entry.pw_uid == ::geteuid())
    return std::nullopt;
  if (::geteuid() != 0)
    return refused(name, "only root can become another user, and the host is user "
                           + std::to_string(::geteuid()));
  return worker_user{entry.pw_uid, entry.pw_gid, groups_of(entry.pw_name, entry.pw_gid),
                     entry.pw_name, entry.pw_dir};
}

} // namespace snakepit::io
