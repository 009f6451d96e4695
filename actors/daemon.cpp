#include <snakepit/daemon.hpp>

#include "actors/io/control_server.hpp"
#include "actors/io/host_only.hpp"
#include "actors/io/orphans.hpp"
#include "actors/io/thread_reserve.hpp"
#include "actors/runtime_implementation.hpp"

#include <snakepit/version.hpp>

#include <algorithm>
#include <set>

#include <system_error>

namespace snakepit {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto control_category = "control";
constexpr auto scheme = "unix:";
/// Beside the arguments of a call.
constexpr size_t request_bytes = size_t{1} << 20;

/// What a call may bring: bytes are base64 there.
size_t most_bytes(const config& cfg) {
  auto most = uint64_t{0};
  for (auto& x : cfg.pools)
    most = std::max(most, x.limits.inline_bytes);
  return most / 3 * 4 + request_bytes;
}

/// Once for each of them.
std::function<void(uint32_t)> refusal_log(std::shared_ptr<telemetry::log> log) {
  return [log = std::move(log), seen = std::make_shared<std::set<uint32_t>>()](uint32_t uid) {
    if (seen->insert(uid).second)
      log->write(telemetry::level::warning, control_category,
                 "somebody else wants to talk to this daemon and is refused", {{"uid", uid}});
  };
}

} // namespace

class pool_daemon::implementation {
public:
  explicit implementation(runtime x) : pools{std::move(x)} {}
  ~implementation() {
    stop(runtime_access::of(pools).cfg.timeouts.drain);
  }

  /// What requests are answered with. It refers to this object.
  io::control_source source() {
    auto& behind = runtime_access::of(pools);
    auto out = io::control_source{};
    out.call = [this](io::control_call x, std::function<void(outcome)> done) {
      auto args = std::visit([](auto& it) { return arguments{std::move(it)}; }, x.arguments);
      auto handle = pools.execute_async(x.tool, std::move(args), x.options, std::move(done));
      return [handle]() mutable { handle.cancel(); };
    };
    out.status = [this, &behind, born = clock::now()] {
      auto& who = behind.cfg.instance;
      auto uptime = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - born);
      return io::control_status{
        version, who.name, who.id, pools.run_id(), 0, uptime, pools.admin_address(), pools.stats()};
    };
    out.deaths = [this] { return pools.deaths(); };
    out.stacks = [this](auto& pool, uint32_t slot, auto done) {
      pools.stacks(pool, slot, std::move(done));
    };
    out.recycle = [this](auto& pool, uint32_t slot, auto done) {
      pools.recycle(pool, slot, std::move(done));
    };
    out.reload = [this](auto& pool, auto done) { reload(pool, std::move(done)); };
    out.log_level = [this](auto& level, auto& category) {
      return pools.set_log_level(level, category);
    };
    out.tools = [this](auto& pool) { return pools.tools(pool); };
    out.poisoned = [this](bool clear) { return clear ? pools.clear_poisoned() : pools.poisoned(); };
    out.refused = refusal_log(behind.log);
    return out;
  }

  void reload(const std::string& pool, std::function<void(result<reload_summary>)> done) {
    auto wanted = std::optional<config>{};
    if (reread) {
      auto x = reread();
      if (!x)
        return done(tl::unexpected{std::move(x.error())});
      wanted = std::move(*x);
    }
    runtime_access::of(pools).reload(pool, std::move(wanted), std::move(done));
  }

  result<void> stop(duration drain) {
    auto end = pools.stop(drain);
    auto guard = std::lock_guard{mutex_};
    server = nullptr;
    if (keeper) {
      auto left = keeper->end_all(pools.run_id());
      keeper = nullptr;
      if (end && !left.empty())
        end = fail(reason::internal,
                   "processes that workers have left behind do not end: " + pids_text(left),
                   {{"survivors", pids_text(left)}});
    }
    return end;
  }

  // Order matters: what is declared later goes first.
  runtime pools;
  std::string address;
  std::function<result<config>()> reread;
  std::unique_ptr<io::orphan_keeper> keeper;
  std::unique_ptr<io::control_server> server;

private:
  std::mutex mutex_;
};

std::string daemon_address(const config& cfg) {
  return scheme
         + io::control_socket::path_of(io::run_directory::base(cfg.instance.run_dir), cfg.instance);
}

namespace {

result<pool_daemon> start_parts(config cfg, const daemon_options& options) {
  if (auto ok = validate(cfg); !ok)
    return tl::unexpected{std::move(ok.error())};
  auto claimed = std::optional<io::control_socket>{};
  if (!options.private_socket) { // before any worker is started
    auto folder = io::run_directory::make_base(cfg.instance.run_dir);
    if (!folder)
      return tl::unexpected{std::move(folder.error())};
    auto socket = io::control_socket::claim(io::control_socket::path_of(*folder, cfg.instance));
    if (!socket)
      return tl::unexpected{std::move(socket.error())};
    claimed.emplace(std::move(*socket));
  }
  auto keeper = options.adopts_orphans ? std::make_unique<io::orphan_keeper>() : nullptr;
  auto most = most_bytes(cfg);
  auto pools = runtime::start(std::move(cfg));
  if (!pools)
    return tl::unexpected{std::move(pools.error())};
  auto x = std::make_unique<pool_daemon::implementation>(std::move(*pools));
  x->keeper = std::move(keeper);
  x->reread = options.reread;
  if (!claimed) {
    auto& folder = *runtime_access::of(x->pools).directory;
    auto socket = io::control_socket::make(folder.path() + "/control.sock");
    if (!socket)
      return tl::unexpected{std::move(socket.error())};
    claimed.emplace(std::move(*socket));
  }
  x->address = scheme + claimed->path();
  auto server = io::control_server::start(std::move(*claimed), x->source(), most);
  if (!server)
    return tl::unexpected{std::move(server.error())};
  x->server = std::move(*server);
  runtime_access::of(x->pools).log->write(telemetry::level::info, control_category,
                                          "ready for requests", {{"address", x->address}});
  return pool_daemon{std::move(x)};
}

} // namespace

result<pool_daemon> pool_daemon::start(config cfg, const daemon_options& options) {
  try {
    return start_parts(std::move(cfg), options);
  } catch (const std::system_error&) { // the only thing that throws here is a thread's start
    return io::no_thread();
  }
}

pool_daemon::pool_daemon(std::unique_ptr<implementation> x) noexcept : impl_{std::move(x)} {}
pool_daemon::pool_daemon(pool_daemon&&) noexcept = default;
pool_daemon& pool_daemon::operator=(pool_daemon&& x) noexcept {
  std::swap(impl_, x.impl_);
  return *this;
}
pool_daemon::~pool_daemon() {
  if (impl_ && io::is_fork()) // its threads are in another process
    impl_.release();
}

runtime& pool_daemon::pools() noexcept {
  return impl_->pools;
}

void pool_daemon::reload(const std::string& pool,
                         std::function<void(result<reload_summary>)> done) {
  impl_->reload(pool, std::move(done));
}

const std::string& pool_daemon::address() const noexcept {
  return impl_->address;
}

result<void> pool_daemon::stop() {
  return stop(runtime_access::of(impl_->pools).cfg.timeouts.drain);
}

result<void> pool_daemon::stop(duration drain) {
  return impl_->stop(drain);
}

} // namespace snakepit
