#include "actors/io/event_gate.hpp"
#include "actors/io/grpc_stream.hpp"
#include "actors/io/peer_socket.hpp"
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
  lane(uint32_t number, uint64_t payload_bytes)
    : index{number}, decoder{number, sent, payload_bytes} {}

  uint32_t index;
  std::mutex mutex; ///< of senders: numbers are noted in the order in which they are written
  batch_encoder encoder;
  sent_numbers sent;
  results_decoder decoder; ///< the stream's reader's own
  std::shared_ptr<message_stream> stream;
};

using lanes = std::vector<std::shared_ptr<lane>>;

std::shared_ptr<lane> open_lane(const std::shared_ptr<event_gate>& gate,
                                const std::shared_ptr<grpc::Channel>& channel,
                                stream_metadata metadata, uint32_t index, uint64_t payload_bytes,
                                const std::shared_ptr<void>& in_use) {
  auto out = std::make_shared<lane>(index, payload_bytes);
  stream_events events;
  events.on_message = [gate, out](std::string_view message) -> result<void> {
    auto decoded = out->decoder.decode(message);
    if (!decoded)
      return tl::unexpected{std::move(decoded.error())};
    gate->pass([&](auto& to) { to.on_results(std::move(*decoded)); });
    return {};
  };
  events.on_end = [gate, index](std::string why) {
    gate->pass([&](auto& to) { to.on_lane_closed(index, std::move(why)); });
  };
  metadata.emplace_back("snakepit-lane", std::to_string(index));
  out->stream = open_grpc_stream(channel, work_method, metadata, std::move(events), in_use);
  return out;
}

class grpc_channel final : public worker_channel {
public:
  explicit grpc_channel(channel_events events)
    : gate_{std::make_shared<event_gate>(std::move(events))} {}

  ~grpc_channel() override {
    gate_->close();
    if (hello_)
      hello_->context.TryCancel();
    for (auto& x : lanes_)
      x->stream->cancel("the channel is gone");
    if (control_)
      control_->cancel("the channel is gone");
    // The last grpc::Channel of a process must not be let go of by one of gRPC's callback threads:
    // it joins them all (1.51). So our shares, the last ones, go when theirs are gone.
    in_use_.reset();
    unused_.wait();
  }

  void greet(const std::string& socket_path, int64_t peer_pid, core::hello hello) override;
  void open(uint32_t count) override;
  void send(const core::batch& x) override;
  void shutdown(std::chrono::milliseconds grace) override;

private:
  std::shared_ptr<event_gate> gate_;
  std::future<void> unused_; // ready when all shares of `in_use_` are gone
  std::shared_ptr<void> in_use_ = make_token(unused_);
  std::mutex mutex_; // guards what follows; never held while something is called back
  std::shared_ptr<grpc::Channel> channel_;
  std::shared_ptr<hello_call> hello_;
  std::string token_;
  uint64_t payload_bytes_ = 0;
  lanes lanes_;
  std::shared_ptr<message_stream> control_;
};

void grpc_channel::greet(const std::string& socket_path, int64_t peer_pid, core::hello hello) {
  auto fd = connect_to_peer(socket_path, peer_pid);
  if (!fd) {
    gate_->pass([&](auto& events) { events.on_greeted(tl::unexpected{std::move(fd.error())}); });
    return;
  }
  auto call = std::make_shared<hello_call>();
  call->request = to_buffer(encode_hello(hello));
  std::shared_ptr<grpc::Channel> channel;
  {
    std::lock_guard guard{mutex_};
    assert(!channel_ && "greet is called once");
    channel = channel_ = make_channel(*fd);
    hello_ = call;
    token_ = std::move(hello.token);
    payload_bytes_ = hello.payload_bytes;
  }
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>{channel}.UnaryCall(
    &call->context, hello_method, {}, &call->request, &call->reply,
    [call, gate = gate_, terms = hello_terms{peer_pid, hello.lanes},
     in_use = in_use_](const grpc::Status& status) mutable {
      gate->pass([&](auto& events) { events.on_greeted(judge(status, *call, terms)); });
      call.reset();
      in_use.reset();
    });
}

void grpc_channel::open(uint32_t count) {
  std::shared_ptr<grpc::Channel> channel;
  stream_metadata metadata;
  uint64_t payload_bytes;
  {
    std::lock_guard guard{mutex_};
    assert(channel_ && lanes_.empty() && "open is called once, after on_greeted");
    channel = channel_;
    metadata = {{"snakepit-token-bin", std::exchange(token_, {})}};
    payload_bytes = payload_bytes_;
  }
  lanes opened;
  for (uint32_t i = 0; i < count; ++i)
    opened.push_back(open_lane(gate_, channel, metadata, i, payload_bytes, in_use_));
  stream_events events;
  events.on_message = [](std::string_view) -> result<void> { return {}; };
  // The end of any stream is the worker's end, but the other streams may not have noticed.
  events.on_end = [opened](const std::string& why) {
    for (auto& x : opened)
      x->stream->cancel("the control stream ended: " + why);
  };
  auto control = open_grpc_stream(channel, control_method, metadata, std::move(events), in_use_);
  std::lock_guard guard{mutex_};
  lanes_ = std::move(opened);
  control_ = std::move(control);
}

void grpc_channel::send(const core::batch& x) {
  std::shared_ptr<lane> to;
  {
    std::lock_guard guard{mutex_};
    assert(x.lane < lanes_.size() && "only opened lanes are sent to");
    to = lanes_[x.lane];
  }
  std::lock_guard guard{to->mutex};
  auto message = to->encoder.encode(x);
  if (!message) {
    to->stream->cancel(std::move(message.error().message));
    return;
  }
  to->sent.note(x.first_seq, x.items.size(), x.kind);
  to->stream->write(std::move(*message));
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
