#include "actors/io/executable.hpp"

#include "actors/io/descriptor.hpp"
#include "actors/io/system_error.hpp"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>

namespace snakepit::io {

namespace {

std::string search_path(const std::vector<std::string>& environment) {
  constexpr std::string_view name = "PATH=";
  for (const auto& entry : environment)
    if (entry.starts_with(name))
      return entry.substr(name.size());
  return "/usr/local/bin:/usr/bin:/bin";
}

/// 0, or why `path` cannot be executed.
int check(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0)
    return errno;
  if (S_ISDIR(about.st_mode))
    return EISDIR;
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0)
    return errno;
  return 0;
}

tl::unexpected<error> refused(const std::string& path, int number) {
  auto failure = start_failure("cannot execute " + path, number);
  failure.value().details["executable"] = path;
  return failure;
}

result<std::string> search(const std::string& name, const std::string& folders) {
  int why = ENOENT;
  std::string where;
  size_t begin = 0;
  while (begin <= folders.size()) {
    auto end = std::min(folders.find(':', begin), folders.size());
    // An empty entry means the current folder, as everywhere.
    auto folder = end == begin ? std::string{"."} : folders.substr(begin, end - begin);
    begin = end + 1;
    std::error_code bad; // no current folder: the relative path says so when it is tried
    auto absolute = std::filesystem::absolute(folder, bad);
    auto path = ((bad ? std::filesystem::path{folder} : absolute) / name).string();
    auto found = check(path);
    if (found == 0)
      return path;
    if (found != ENOENT && found != ENOTDIR && why == ENOENT) {
      why = found;
      where = path;
    }
  }
  if (why != ENOENT)
    return refused(where, why);
  return fail(reason::worker_start_failed,
              "cannot execute " + name + ": no such program in PATH (" + folders + ")",
              {{"executable", name}, {"errno", "ENOENT"}});
}

/// The program that line 1 of a script names, empty if it names none.
std::string script_interpreter(const std::string& path) {
  descriptor fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::string head(256, '\0');
  auto n = fd ? ::read(fd.get(), head.data(), head.size()) : -1;
  head.resize(n > 0 ? static_cast<size_t>(n) : 0);
  if (!head.starts_with("#!"))
    return {};
  auto begin = head.find_first_not_of(" \t", 2);
  if (begin == std::string::npos)
    return {};
  return head.substr(begin, head.find_first_of(" \t\r\n", begin) - begin);
}

} // namespace

result<std::string> find_executable(const std::string& name,
                                    const std::vector<std::string>& environment) {
  if (name.empty())
    return fail(reason::worker_start_failed, "no executable was given");
  if (name.find('/') == std::string::npos)
    return search(name, search_path(environment));
  std::error_code bad;
  auto path = std::filesystem::absolute(name, bad).string();
  if (bad)
    return refused(name, bad.value());
  if (auto why = check(path); why != 0)
    return refused(path, why);
  return path;
}

tl::unexpected<error> exec_failure(const std::string& path, int number) {
  auto failure = refused(path, number);
  auto& text = failure.value().message;
  if (number == ENOENT || number == ENOTDIR || number == EACCES) {
    // The file is there, so this is about what is needed to run it.
    if (auto interpreter = script_interpreter(path); !interpreter.empty())
      text +=
        "; it is a script for " + interpreter + ", which "
        + (check(interpreter) == 0 ? "could not be executed" : "is missing or not executable");
    else if (number == ENOENT)
      text += "; the file is there, its dynamic loader is not";
  } else if (number == ENOEXEC) {
    text += "; it is neither a program for this machine nor a script that begins with #!";
  } else if (number == E2BIG) {
    text += "; arguments and environment are too large together";
  }
  return failure;
}

} // namespace snakepit::io
