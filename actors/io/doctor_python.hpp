#pragma once

#include <snakepit/doctor.hpp>
#include <snakepit/value.hpp>

#include <string>
#include <vector>

namespace snakepit::io {

/// What the doctor finds out about Python: interpreter, packages, bridge, adapters. Starts
/// interpreters with the environment that workers get.
class python_examination {
public:
  explicit python_examination(const config& cfg);

  /// Adds its checks to `out`; those that make no sense after a failure are left out.
  void run(const std::vector<std::string>& adapters, std::vector<check>& out);

private:
  check interpreter();
  check package(const std::string& name, const std::string& advice) const;
  check bridge();
  check adapter(const std::string& spec) const;
  /// Fails `out` if a pool of threads has an adapter that does not say that it is made for them.
  void note_threads(const std::string& spec, const value& report, check& out) const;

  const config& cfg_;
  std::string name_;       ///< as configured
  std::string executable_; ///< absolute
  std::string bridge_;
  std::string facts_; ///< what the interpreter told, lines of "name value"
  std::vector<std::string> environment_;
  std::chrono::milliseconds timeout_;
};

} // namespace snakepit::io
