#include "telemetry/admin_server.hpp"

#include <civetweb.h>
#include <condition_variable>
#include <mutex>
#include <signal.h>

namespace snakepit::telemetry {

namespace {

/// Each thread of civetweb ignores SIGPIPE for the whole process when it begins, and would take
/// the host's signals. It needs neither: it writes with MSG_NOSIGNAL.
class signals_kept {
public:
  signals_kept() {
    auto all = sigset_t{};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask_);
    sigaction(SIGPIPE, nullptr, &pipe_);
  }
  ~signals_kept() {
    sigaction(SIGPIPE, &pipe_, nullptr);
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }
  signals_kept(const signals_kept&) = delete;
  signals_kept& operator=(const signals_kept&) = delete;

private:
  sigset_t mask_{};
  struct sigaction pipe_ {};
};

constexpr auto threads = 2;
constexpr auto begin_wait = std::chrono::seconds{5};

/// What civetweb's threads see.
struct shared_state {
  admin_source source;
  std::mutex mutex;
  std::condition_variable changed;
  int begun = 0;
};

/// Called by each thread when it begins, after it has changed SIGPIPE.
void* on_thread(const mg_context* context, int) {
  auto& state = *static_cast<shared_state*>(mg_get_user_data(context));
  auto guard = std::lock_guard{state.mutex};
  ++state.begun;
  state.changed.notify_one();
  return nullptr;
}

/// Until those that serve and the one that accepts have begun.
void await_threads(shared_state& x) {
  auto guard = std::unique_lock{x.mutex};
  x.changed.wait_for(guard, begin_wait, [&] { return x.begun > threads; });
}

const char* phrase(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 503:
    return "Service Unavailable";
  default:
    return "Internal Server Error";
  }
}

admin_page page_for(const mg_request_info& request, const admin_source& from) noexcept {
  try {
    auto method = std::string_view{request.request_method};
    if (method != "GET" && method != "HEAD")
      return {405, "text/plain; charset=utf-8", "GET and HEAD only\n"};
    return admin_answer(request.local_uri ? request.local_uri : "", from);
  } catch (...) {
    auto failed = admin_page{};
    failed.status = 500;
    return failed;
  }
}

int on_request(mg_connection* to) {
  auto& request = *mg_get_request_info(to);
  auto page = page_for(request, static_cast<shared_state*>(request.user_data)->source);
  mg_printf(to,
            "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            page.status, phrase(page.status), page.type.c_str(), page.body.size());
  if (std::string_view{request.request_method} != "HEAD")
    mg_write(to, page.body.data(), page.body.size());
  return page.status;
}

/// Its errors go nowhere: what matters is in our own answers.
int on_message(const mg_connection*, const char*) {
  return 1;
}

} // namespace

struct admin_server::implementation {
  shared_state state;
  std::string address;
  mg_context* context = nullptr;

  ~implementation() {
    if (context)
      mg_stop(context);
  }
};

result<std::unique_ptr<admin_server>> admin_server::start(const std::string& host, uint16_t port,
                                                          admin_source from) {
  auto impl = std::make_unique<implementation>();
  impl->state.source = std::move(from);
  auto wanted = host + ":" + std::to_string(port);
  auto count = std::to_string(threads);
  const char* options[] = {"listening_ports",
                           wanted.c_str(),
                           "num_threads",
                           count.c_str(),
                           "request_timeout_ms",
                           "2000",
                           "enable_keep_alive",
                           "no",
                           "max_request_size",
                           "16384",
                           nullptr};
  auto callbacks = mg_callbacks{};
  callbacks.begin_request = on_request;
  callbacks.init_thread = on_thread;
  callbacks.log_message = on_message;
  {
    auto kept = signals_kept{};
    impl->context = mg_start(&callbacks, &impl->state, options);
    if (impl->context)
      await_threads(impl->state);
  }
  auto bound = mg_server_port{};
  if (!impl->context || mg_get_server_ports(impl->context, 1, &bound) < 1)
    return fail(reason::invalid_config, "admin.listen: cannot listen on `" + wanted + "`",
                {{"path", "admin.listen"}});
  impl->address = host + ":" + std::to_string(bound.port);
  return std::unique_ptr<admin_server>{new admin_server{std::move(impl)}};
}

admin_server::admin_server(std::unique_ptr<implementation> x) : impl_{std::move(x)} {}
admin_server::~admin_server() = default;

const std::string& admin_server::address() const noexcept {
  return impl_->address;
}

} // namespace snakepit::telemetry
