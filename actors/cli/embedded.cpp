#include "actors/cli/embedded.hpp"

#include "actors/cli/console.hpp"

namespace snakepit::cli {

result<std::unique_ptr<embedded>> embedded::start(config cfg, signal_watch& signals,
                                                  const std::string& notice,
                                                  std::function<void()> on_signal) {
  auto started = runtime::start(std::move(cfg));
  if (!started)
    return tl::unexpected{std::move(started.error())};
  std::unique_ptr<embedded> out{new embedded{std::move(*started), signals}};
  signals.start([on_signal = std::move(on_signal), self = out.get()] {
    on_signal();
    self->runtime_.stop(duration{0});
  });
  console::standard().bar(notice);
  auto ready = out->runtime_.await_ready();
  console::standard().clear();
  if (!ready)
    return tl::unexpected{std::move(ready.error())};
  return out;
}

embedded::~embedded() {
  runtime_.stop(duration{0});
  // After it, so that a second signal is heard as long as this lasts; before the runtime goes,
  // since the signal's thread may still be in `stop`.
  signals_.stop();
}

result<tool_shape> find_tool(runtime& pool, const std::string& name, const std::string& adapter) {
  auto tools = pool.tools();
  if (!tools)
    return tl::unexpected{std::move(tools.error())};
  return find_tool(*tools, name, adapter);
}

} // namespace snakepit::cli
