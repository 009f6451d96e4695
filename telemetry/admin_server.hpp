#pragma once

#include <snakepit/error.hpp>
#include <snakepit/runtime.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace snakepit::telemetry {

/// What the admin server answers.
struct admin_page {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

/// What it asks. Called from its own threads, several at once.
struct admin_source {
  std::function<std::vector<pool_stats>()> pools;
  /// Whether every pool has been ready once.
  std::function<bool()> has_started;
  std::function<std::string()> metrics;
  /// Whether the ledger of processes cannot be written, which makes nobody unready.
  std::function<bool()> ledger_is_degraded{};
};

/// The page of a path: /metrics, /livez, /readyz, /startupz.
admin_page admin_answer(std::string_view path, const admin_source& from);

/// Serves the pages over HTTP on two threads of its own, one request per connection, for GET and
/// HEAD. Leaves the host's signals alone.
class admin_server {
public:
  /// `port` 0 takes a free one. Fails with invalid_config that names the address.
  static result<std::unique_ptr<admin_server>> start(const std::string& host, uint16_t port,
                                                     admin_source from);

  /// Waits for requests under way, which take seconds at most.
  ~admin_server();
  admin_server(const admin_server&) = delete;
  admin_server& operator=(const admin_server&) = delete;

  /// host:port with the port that was bound.
  const std::string& address() const noexcept;

  struct implementation;

private:
  explicit admin_server(std::unique_ptr<implementation> x);

  std::unique_ptr<implementation> impl_;
};

} // namespace snakepit::telemetry
