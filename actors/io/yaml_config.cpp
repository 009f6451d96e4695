#include "actors/core/config_environment.hpp"
#include "actors/core/config_reader.hpp"
#include "actors/core/config_writer.hpp"
#include "actors/core/spelling.hpp"
#include "actors/io/yaml_tree.hpp"

#include <snakepit/config.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace snakepit {

namespace {

constexpr auto no_file = "built-in defaults";

class descriptor {
public:
  explicit descriptor(int x) : fd_{x} {}
  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const noexcept {
    return fd_;
  }

private:
  int fd_;
};

tl::unexpected<error> unreadable(const std::string& file, const std::string& why) {
  return fail(reason::invalid_config, file + ": " + why);
}

std::string message_of(int code) {
  return std::generic_category().message(code);
}

result<std::string> read_file(const std::string& file) {
  // Not blocking: opening a pipe would wait for somebody to write to it.
  auto fd = descriptor{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (fd.get() < 0)
    return unreadable(file, "cannot be read: " + message_of(errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    return unreadable(file, "cannot be read: " + message_of(errno));
  if (!S_ISREG(status.st_mode))
    return unreadable(file, S_ISDIR(status.st_mode) ? "is a folder, not a file"
                                                    : "is not a regular file");
  auto text = std::string{};
  char chunk[16384];
  // One byte more than may be is enough to tell that it is too large.
  while (text.size() <= io::largest_yaml) {
    auto count = ::read(fd.get(), chunk, sizeof chunk);
    if (count == 0)
      return text;
    if (count < 0 && errno != EINTR)
      return unreadable(file, "cannot be read: " + message_of(errno));
    if (count > 0)
      text.append(chunk, static_cast<size_t>(count));
  }
  return text;
}

/// Variables about the configuration, in the order of their names: the shorter before the longer,
/// so that `SNAKEPIT__POOLS` does not undo `SNAKEPIT__POOLS__a__WORKERS`.
std::map<std::string, std::string> variables() {
  auto result = std::map<std::string, std::string>{};
  for (auto x = ::environ; x && *x; ++x) {
    auto variable = std::string_view{*x};
    auto end = variable.find('=');
    if (variable.starts_with(core::environment_prefix) && end != std::string_view::npos)
      result.emplace(variable.substr(0, end), variable.substr(end + 1));
  }
  return result;
}

result<void> apply_environment(core::config_node& root) {
  for (auto& [name, text] : variables()) {
    auto value = io::parse_yaml(text, "environment " + name, false);
    if (!value)
      return tl::unexpected{value.error()};
    if (auto applied = core::apply_variable(root, name, std::move(*value)); !applied)
      return applied;
  }
  return {};
}

result<core::config_reading> read_text(const std::string& yaml, const std::string& name,
                                       bool environment) {
  auto root = io::parse_yaml(yaml, name);
  if (!root)
    return tl::unexpected{root.error()};
  if (environment)
    if (auto applied = apply_environment(*root); !applied)
      return tl::unexpected{applied.error()};
  return core::read_config(*root, name);
}

result<core::config_reading> read(const std::string& file, bool environment) {
  if (file.empty())
    return read_text("", no_file, environment);
  auto yaml = read_file(file);
  if (!yaml)
    return tl::unexpected{yaml.error()};
  return read_text(*yaml, file, environment);
}

} // namespace

result<config> load_config(const std::string& file, bool environment) {
  return read(file, environment).map([](auto&& x) { return std::move(x.config); });
}

result<config> parse_config(const std::string& yaml, const std::string& name, bool environment) {
  return read_text(yaml, name, environment).map([](auto&& x) { return std::move(x.config); });
}

result<std::string> show_config(const std::string& file, bool origins) {
  return read(file, true).map([&](auto&& x) { return core::write_config(x, origins); });
}

} // namespace snakepit
