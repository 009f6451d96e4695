#include "actors/cli/daemon_call.hpp"

#include "actors/cli/arguments.hpp"
#include "actors/cli/report.hpp"
#include "actors/cli/signals.hpp"

#include <snakepit/json.hpp>

namespace snakepit::cli {

namespace {

// An object goes as it is, so that a call can wait for a pool that has had no worker yet.
result<std::string> arguments_text(io::control_client& daemon, const std::string& tool,
                                   const std::string& json, const std::string& pool) {
  if (json.find_first_not_of(" \t\r\n") == json.find('{'))
    return json;
  auto shape = daemon.tools(pool).and_then(
    [&](const auto& tools) { return find_tool(tools, tool, "the daemon"); });
  if (!shape)
    return tl::unexpected{std::move(shape.error())};
  auto args = to_arguments(json, *shape);
  if (!args)
    return tl::unexpected{std::move(args.error())};
  auto* object = std::get_if<value>(&*args);
  return object ? to_json(*object) : std::get<json_text>(*args).text;
}

} // namespace

int call_on_daemon(const daemon_choice& where, const std::string& tool, const std::string& json,
                   const call_options& options, bool with_receipt) {
  signal_watch signals;
  auto receipt = call_receipt{};
  auto end = connect(where).and_then([&](auto daemon) -> result<std::string> {
    signals.start([&] { daemon->cancel(); });
    auto text = arguments_text(*daemon, tool, json, options.pool);
    auto out = text ? daemon->call({tool, json_text{std::move(*text)}, options}, &receipt) : text;
    signals.stop(); // it uses the daemon
    return out;
  });
  if (signals.received() != 0)
    return exit_signal + signals.received();
  auto code = end ? print(*end) : report_daemon(end.error(), where.common.json);
  if (with_receipt && (end || end.error().receipt))
    tell_receipt(receipt, where.common.json);
  return code;
}

} // namespace snakepit::cli
