#include "bench/bare_worker.hpp"

#include "actors/core/environment.hpp"
#include "actors/io/bridge_path.hpp"
#include "actors/io/host_environment.hpp"
#include "actors/io/random_bytes.hpp"

#include <future>

namespace snakepit::bench {

namespace {

template <class T>
T must(result<T> x) {
  if (!x)
    give_up(to_string(x.error()));
  return std::move(*x);
}

io::launch_spec launch_for(const std::string& socket, const std::string& token) {
  io::launch_spec out;
  out.label = "bare/0.0";
  out.executable = "/usr/bin/python3";
  out.arguments = {"-m", "snakepit_bridge.worker", "run=bench", "pool=bare", "slot=0", "gen=0"};
  core::environment_layers layers;
  layers.host = io::host_environment();
  layers.ours = {{"SNAKEPIT_RUN_ID", "bench"}, {"SNAKEPIT_SOCKET", socket}};
  layers.module_path = {must(io::find_bridge())};
  out.environment = core::merge_environment(layers);
  out.socket_path = socket;
  out.token = token;
  return out;
}

} // namespace

bare_host bare_host::make() {
  auto id = io::make_run_id();
  return {must(io::run_directory::make("", id)), must(io::make_exec_launcher())};
}

bare_worker::bare_worker(bare_host& host, const std::string& adapter,
                         std::function<void(core::results)> on_results) {
  auto token = io::random_bytes(32);
  auto spec = launch_for(host.folder.next_socket(), token);
  auto socket = spec.socket_path;
  // Shared: what sets one may still be at it when we have what we wait for.
  auto listening = std::make_shared<std::promise<void>>();
  auto started = std::make_shared<std::promise<result<std::unique_ptr<io::process>>>>();
  io::process_events events;
  events.on_listening = [listening] { listening->set_value(); };
  events.on_refused = [](auto&& text) { give_up(to_string(io::decode_error(text))); };
  events.on_output = [](bool, auto) {};
  events.on_exit = [](auto) {};
  host.launcher->launch(std::move(spec), std::move(events),
                        [started](auto x) { started->set_value(std::move(x)); });
  process_ = must(started->get_future().get());
  listening->get_future().wait();
  auto greeted = std::make_shared<std::promise<result<core::hello_reply>>>();
  channel_ = io::make_grpc_channel({
    .on_greeted = [greeted](auto x) { greeted->set_value(std::move(x)); },
    .on_results =
      [page = process_->page(0), to = std::move(on_results)](core::results x) mutable {
        // Else the worker waits when its journal is full.
        if (!x.finals.empty())
          page.set_acked(x.finals.back().seq);
        to(std::move(x));
      },
    .on_lane_closed = [](auto, auto) {},
    .on_heartbeat = [](auto, auto) {},
  });
  core::hello hello;
  hello.token = token;
  hello.run_id = "bench";
  hello.pool = "bare";
  hello.adapter = adapter;
  hello.payload_bytes = uint64_t{16} << 20;
  hello.depth = 100;
  channel_->greet(socket, process_->identity().pid, hello);
  reply_ = must(greeted->get_future().get());
  channel_->open(1);
}

void bare_worker::send(bool raw, uint64_t first_seq, const std::vector<std::string>& payloads) {
  core::batch out;
  out.first_seq = first_seq;
  out.kind = raw ? core::payload_kind::raw : core::payload_kind::json;
  core::batch_item item;
  item.tool = number_of(echo_tool(raw));
  for (auto& x : payloads) {
    item.data = x;
    out.items.push_back(item);
  }
  channel_->send(out);
}

uint32_t bare_worker::number_of(const std::string& tool) const {
  for (auto& x : reply_.tools)
    if (x.description.name == tool)
      return x.number;
  give_up("the adapter has no tool " + tool);
}

std::string echo_payload(bool raw, uint64_t number) {
  auto args = echo_arguments(raw, number);
  return raw ? std::get<raw_bytes>(std::move(args)).data
             : std::get<json_text>(std::move(args)).text;
}

} // namespace snakepit::bench
