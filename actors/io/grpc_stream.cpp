#include "actors/io/grpc_stream.hpp"

#include <array>
#include <deque>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>
#include <mutex>

namespace snakepit::io {

namespace {

/// What waits is one message until it is so large.
constexpr size_t most_joined = size_t{1} << 20;

/// The string becomes the buffer's memory: nothing is copied.
grpc::ByteBuffer buffer_of(std::string message) {
  auto owner = new std::string(std::move(message));
  grpc::Slice slice{owner->data(), owner->size(),
                    [](void* x) { delete static_cast<std::string*>(x); }, owner};
  return {&slice, 1};
}

class grpc_stream final : public message_stream,
                          public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
public:
  grpc_stream(stream_events events, std::shared_ptr<void> in_use)
    : events_{std::move(events)}, in_use_{std::move(in_use)} {}

  void start(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
             const stream_metadata& metadata, std::shared_ptr<grpc_stream> self) {
    self_ = std::move(self);
    for (auto& [key, value] : metadata)
      context_.AddMetadata(key, value);
    grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>{channel}
      .PrepareBidiStreamingCall(&context_, method, {}, this);
    // Keeps OnDone away while a writer from outside may be about to call StartWrite.
    AddHold();
    StartRead(&incoming_);
    StartCall();
  }

  void write(std::string message) override {
    auto buffer = buffer_of(std::move(message));
    {
      std::lock_guard guard{mutex_};
      if (ended_ || broken_)
        return;
      if (writing_) {
        queue_.push_back(std::move(buffer));
        return;
      }
      writing_ = true;
      outgoing_ = std::move(buffer);
    }
    // Outside the lock, as gRPC may call back; `writing_` keeps other writers and the end away.
    StartWrite(&outgoing_);
  }

  void join(std::string message) override {
    {
      std::lock_guard guard{mutex_};
      if (ended_ || broken_)
        return;
      if (writing_) {
        joined_ += message;
        if (joined_.size() >= most_joined)
          queue_.push_back(buffer_of(std::exchange(joined_, {})));
        return;
      }
      writing_ = true;
      outgoing_ = buffer_of(std::move(message));
    }
    StartWrite(&outgoing_);
  }

  void cancel(std::string why) override {
    {
      std::lock_guard guard{mutex_};
      if (why_.empty())
        why_ = std::move(why);
    }
    context_.TryCancel();
  }

  void OnWriteDone(bool ok) override {
    switch (after_write(ok)) {
    case step::write:
      StartWrite(&outgoing_);
      break;
    case step::release:
      RemoveHold();
      break;
    case step::rest:
      break;
    }
  }

  void OnReadDone(bool ok) override {
    if (ok && deliver()) {
      StartRead(&incoming_);
      return;
    }
    bool writing;
    {
      std::lock_guard guard{mutex_};
      ended_ = true;
      queue_.clear();
      joined_.clear();
      writing = writing_;
    }
    if (!writing)
      RemoveHold();
    else
      context_.TryCancel(); // lest the write waits for a peer that reads no more
  }

  void OnDone(const grpc::Status& status) override {
    // Destroyed last to first: `in_use` goes when nothing else is held here.
    auto in_use = std::move(in_use_);
    auto self = std::move(self_);
    auto events = std::exchange(events_, {});
    std::string why;
    {
      std::lock_guard guard{mutex_};
      why = why_;
    }
    if (why.empty())
      why = status.ok() ? "the worker ended the stream" : describe(status);
    events.on_end(std::move(why));
  }

private:
  enum class step { write, release, rest };

  step after_write(bool ok) {
    std::lock_guard guard{mutex_};
    if (ended_)
      return step::release;
    if (ok && queue_.empty() && !joined_.empty())
      queue_.push_back(buffer_of(std::exchange(joined_, {})));
    if (ok && !queue_.empty()) {
      outgoing_ = std::move(queue_.front());
      queue_.pop_front();
      return step::write;
    }
    // A write that failed says that the stream is over; the read that is always pending ends it.
    broken_ = !ok;
    queue_.clear();
    joined_.clear();
    outgoing_.Clear();
    writing_ = false;
    return step::rest;
  }

  bool deliver() {
    grpc::Slice slice;
    if (!incoming_.TrySingleSlice(&slice).ok() && !incoming_.DumpToSingleSlice(&slice).ok()) {
      cancel("a message could not be read");
      return false;
    }
    incoming_.Clear();
    auto ok = events_.on_message({reinterpret_cast<const char*>(slice.begin()), slice.size()});
    if (!ok)
      cancel(std::move(ok.error().message));
    return ok.has_value();
  }

  grpc::ClientContext context_;
  stream_events events_;
  std::shared_ptr<void> in_use_;
  std::shared_ptr<grpc_stream> self_; // gRPC's share, until OnDone
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_; // belongs to the write under way

  std::mutex mutex_; // guards what follows
  std::deque<grpc::ByteBuffer> queue_;
  std::string joined_; // goes behind the queue
  std::string why_;
  bool writing_ =
    false; // gRPC takes one write at a time, and an answer may overtake its OnWriteDone
  bool broken_ = false;
  bool ended_ = false;
};

constexpr std::array<const char*, 17> status_names{
  "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
  "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
  "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
  "DATA_LOSS", "UNAUTHENTICATED"};

} // namespace

std::shared_ptr<message_stream> open_grpc_stream(const std::shared_ptr<grpc::Channel>& channel,
                                                 const std::string& method,
                                                 const stream_metadata& metadata,
                                                 stream_events events,
                                                 std::shared_ptr<void> in_use) {
  auto stream = std::make_shared<grpc_stream>(std::move(events), std::move(in_use));
  stream->start(channel, method, metadata, stream);
  return stream;
}

std::string describe(const grpc::Status& x) {
  auto code = static_cast<size_t>(x.error_code());
  std::string out =
    code < status_names.size() ? status_names[code] : "status " + std::to_string(code);
  if (!x.error_message().empty())
    out += ": " + x.error_message().substr(0, 4096);
  return out;
}

} // namespace snakepit::io
