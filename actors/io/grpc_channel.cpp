#include "actors/io/connection.hpp"
#include "actors/io/event_gate.hpp"
#include "actors/io/grpc_stream.hpp"
#include "actors/io/peer_socket.hpp"
#include "actors/io/shared_lanes.hpp"
#include "actors/io/wire_codec.hpp"
#include "actors/io/worker_channel.hpp"

#include <cassert>
#include <climits>
#include <future>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <mutex>
#include <optional>

namespace snakepit::io {

namespace {

constexpr const char* hello_method = "/snakepit.worker.v1.Worker/Hello";
constexpr const char* work_method = "/snakepit.worker.v1.Worker/Work";
constexpr const char* control_method = "/snakepit.worker.v1.Worker/Control";

/// Lives as long as gRPC works on it.
struct hello_call {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer reply;
};

grpc::ByteBuffer to_buffer(const std::string& x) {
  grpc::Slice slice{x};
  return {&slice, 1};
}

std::string to_string(const grpc::ByteBuffer& x) {
  grpc::Slice slice;
  if (!x.DumpToSingleSlice(&slice).ok())
    return {};
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

/// The bytes' bounds are ours: what one message may hold is judged by the codec.
std::shared_ptr<grpc::Channel> make_channel(int fd) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(INT_MAX);
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomInsecureChannelFromFd("worker", fd, arguments);
}

result<core::hello_reply> judge(const grpc::Status& status, const hello_call& call,
                                const hello_terms& terms) {
  if (!status.ok())
    return fail(reason::worker_start_failed,
                "the worker did not answer Hello: " + describe(status));
  return decode_hello_reply(to_string(call.reply), terms);
}

/// Makes `unused` ready when the token's last copy is gone.
std::shared_ptr<void> make_token(std::future<void>& unused) {
  auto done = std::make_shared<std::promise<void>>();
  unused = done->get_future();
  return {done.get(), [done](void*) { done->set_value(); }};
}

/// One Work stream. `stream`'s events hold the lane in turn, until the stream has ended.
struct lane {
  lane(uint32_t index, uint64_t payload_bytes, std::shared_ptr<connection> to)
    : link{std::move(to)}, decoder{index, sent, payload_bytes} {}

  std::shared_ptr<connection> link;
  std::mutex mutex; ///< of senders: numbers are noted in the order in which they are written
  batch_encoder encoder;
  sent_numbers sent;
  results_decoder decoder; ///< the stream's reader's own
  std::shared_ptr<message_stream> stream;
};

/// The heartbeat that is out. Any thread.
class heartbeat_timer {
public:
  using clock = std::chrono::steady_clock;

  void sent(uint64_t nonce) {
    std::lock_guard guard{mutex_};
    nonce_ = nonce;
    sent_at_ = clock::now();
  }
  /// How long the answer took; nothing if this one is not out.
  std::optional<clock::duration> answered(uint64_t nonce) {
    std::lock_guard guard{mutex_};
    if (nonce == 0 || nonce != nonce_)
      return std::nullopt;
    nonce_ = 0;
    return clock::now() - sent_at_;
  }

private:
  std::mutex mutex_;
  uint64_t nonce_ = 0;
  clock::time_point sent_at_;
};

using lanes = std::vector<std::shared_ptr<lane>>;

/// What `greet` found and `open` needs.
struct peer {
  std::shared_ptr<grpc::Channel> channel;
  std::shared_ptr<connection> link;
  std::shared_ptr<hello_call> hello;
  std::string token;
  uint64_t payload_bytes = 0;
  bool on_loop = false;
};

class grpc_channel final : public worker_channel {
public:
  explicit grpc_channel(channel_events events)
    : gate_{std::make_shared<event_gate>(std::move(events))} {}

  ~grpc_channel() override {
    gate_->close();
    if (peer_.link)
      peer_.link->end("the channel is gone");
    if (peer_.hello)
      peer_.hello->context.TryCancel();
    // The last grpc::Channel of a process must not be let go of by one of gRPC's callback threads:
    // it joins them all (1.51). So our shares, the last ones, go when theirs are gone.
    in_use_.reset();
    unused_.wait();
  }

  void greet(const std::string& socket_path, int64_t peer_pid, core::hello hello) override;
  void open(uint32_t count) override;
  void send(const core::batch& x) override;
  void heartbeat(uint64_t nonce) override;
  void shutdown(std::chrono::milliseconds grace) override;

private:
  result<void> connect(const std::string& socket_path, int64_t peer_pid, const core::hello& hello);
  void say_hello(const hello_terms& terms);
  std::shared_ptr<lane> open_lane(const peer& to, uint32_t index) const;
  std::shared_ptr<shared_lanes> open_shared(const peer& to, uint32_t count) const;
  std::shared_ptr<message_stream> open_work(const peer& to, uint32_t lane,
                                            stream_events events) const;
  std::shared_ptr<message_stream> open_control(const peer& to) const;
  peer greeted_peer();

  std::shared_ptr<event_gate> gate_;
  std::future<void> unused_; // ready when all shares of `in_use_` are gone
  std::shared_ptr<void> in_use_ = make_token(unused_);
  std::mutex mutex_; // guards what follows; never held while something is called back
  peer peer_;
  lanes lanes_;
  std::shared_ptr<shared_lanes> shared_; // instead, if they share a stream
  std::shared_ptr<message_stream> control_;
  std::shared_ptr<heartbeat_timer> timer_ = std::make_shared<heartbeat_timer>();
};

void grpc_channel::greet(const std::string& socket_path, int64_t peer_pid, core::hello hello) {
  auto connected = connect(socket_path, peer_pid, hello);
  if (connected)
    say_hello({peer_pid, hello.lanes});
  else
    gate_->pass([&](auto& to) { to.on_greeted(tl::unexpected{std::move(connected.error())}); });
}

result<void> grpc_channel::connect(const std::string& socket_path, int64_t peer_pid,
                                   const core::hello& hello) {
  auto fd = connect_to_peer(socket_path, peer_pid, hello.peer_user);
  if (!fd)
    return tl::unexpected{std::move(fd.error())};
  auto link = std::make_shared<connection>(*fd);
  auto second = link->duplicate();
  if (!second)
    return tl::unexpected{std::move(second.error())};
  auto call = std::make_shared<hello_call>();
  call->request = to_buffer(encode_hello(hello));
  std::lock_guard guard{mutex_};
  assert(!peer_.channel && "greet is called once");
  peer_ = {make_channel(*second), std::move(link),     std::move(call),
           hello.token,           hello.payload_bytes, hello.on_loop};
  return {};
}

void grpc_channel::say_hello(const hello_terms& terms) {
  auto to = greeted_peer();
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>{to.channel}.UnaryCall(
    &to.hello->context, hello_method, {}, &to.hello->request, &to.hello->reply,
    [call = to.hello, gate = gate_, terms, in_use = in_use_](const grpc::Status& status) mutable {
      gate->pass([&](auto& events) { events.on_greeted(judge(status, *call, terms)); });
      call.reset();
      in_use.reset();
    });
}

peer grpc_channel::greeted_peer() {
  std::lock_guard guard{mutex_};
  return peer_;
}

std::shared_ptr<lane> grpc_channel::open_lane(const peer& to, uint32_t index) const {
  auto out = std::make_shared<lane>(index, to.payload_bytes, to.link);
  stream_events events;
  // A worker that breaks the protocol on one lane is believed on none.
  events.on_message = [gate = gate_, out](std::string_view message) -> result<void> {
    auto decoded = out->decoder.decode(message);
    if (!decoded) {
      out->link->end(decoded.error().message);
      return tl::unexpected{std::move(decoded.error())};
    }
    gate->pass([&](auto& events) { events.on_results(std::move(*decoded)); });
    return {};
  };
  events.on_end = [gate = gate_, index](std::string why) {
    gate->pass([&](auto& events) { events.on_lane_closed(index, std::move(why)); });
  };
  out->stream = open_work(to, index, std::move(events));
  return out;
}

std::shared_ptr<shared_lanes> grpc_channel::open_shared(const peer& to, uint32_t count) const {
  auto out = std::make_shared<shared_lanes>(count, to.payload_bytes, to.link);
  out->use(open_work(to, 0, shared_lanes::events_of(out, gate_)));
  return out;
}

std::shared_ptr<message_stream> grpc_channel::open_work(const peer& to, uint32_t lane,
                                                        stream_events events) const {
  stream_metadata metadata{{"snakepit-token-bin", to.token},
                           {"snakepit-lane", std::to_string(lane)}};
  auto out = open_grpc_stream(to.channel, work_method, metadata, std::move(events), in_use_);
  to.link->add(out);
  return out;
}

std::shared_ptr<message_stream> grpc_channel::open_control(const peer& to) const {
  stream_events events;
  events.on_message = [gate = gate_, link = to.link,
                       timer = timer_](std::string_view message) -> result<void> {
    auto nonce = decode_worker_frame(message);
    if (!nonce) {
      link->end(nonce.error().message);
      return tl::unexpected{std::move(nonce.error())};
    }
    if (auto took = timer->answered(*nonce))
      gate->pass([&](auto& events) { events.on_heartbeat(*nonce, *took); });
    return {};
  };
  // The end of any stream is the worker's end, and nobody else is told of this one's.
  events.on_end = [link = to.link](const std::string& why) {
    link->end("the control stream ended: " + why);
  };
  auto out = open_grpc_stream(to.channel, control_method, {{"snakepit-token-bin", to.token}},
                              std::move(events), in_use_);
  to.link->add(out);
  return out;
}

void grpc_channel::open(uint32_t count) {
  auto to = greeted_peer();
  assert(to.channel && "open is called after on_greeted");
  lanes opened;
  auto shared = to.on_loop ? open_shared(to, count) : nullptr;
  for (uint32_t i = 0; i < count && !shared; ++i)
    opened.push_back(open_lane(to, i));
  auto control = open_control(to);
  std::lock_guard guard{mutex_};
  assert(lanes_.empty() && !shared_ && "open is called once");
  lanes_ = std::move(opened);
  shared_ = std::move(shared);
  control_ = std::move(control);
}

void grpc_channel::send(const core::batch& x) {
  std::shared_ptr<lane> to;
  std::shared_ptr<shared_lanes> shared;
  {
    std::lock_guard guard{mutex_};
    shared = shared_;
    assert((shared || x.lane < lanes_.size()) && "only opened lanes are sent to");
    if (!shared)
      to = lanes_[x.lane];
  }
  if (shared)
    return shared->send(x);
  std::lock_guard guard{to->mutex};
  auto message = to->encoder.encode(x);
  if (!message) {
    to->link->end(message.error().message);
    return;
  }
  to->sent.note(x.first_seq, x.items.size(), x.kind);
  to->stream->write(std::move(*message));
}

void grpc_channel::heartbeat(uint64_t nonce) {
  std::shared_ptr<message_stream> control;
  {
    std::lock_guard guard{mutex_};
    control = control_;
  }
  if (!control)
    return;
  timer_->sent(nonce);
  control->write(encode_heartbeat(nonce));
}

void grpc_channel::shutdown(std::chrono::milliseconds grace) {
  std::shared_ptr<message_stream> control;
  {
    std::lock_guard guard{mutex_};
    control = control_;
  }
  if (control)
    control->write(encode_shutdown(grace));
}

} // namespace

std::unique_ptr<worker_channel> make_grpc_channel(channel_events events) {
  return std::make_unique<grpc_channel>(std::move(events));
}

} // namespace snakepit::io
