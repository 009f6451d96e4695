#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace snakepit::io {

/// One request over the control socket: finished exactly once, by its answer or by its end from
/// outside (cancelled, or its connection is gone), whichever comes first. Whoever will answer holds
/// it, and may do so when gRPC has forgotten it. Any thread.
template <class Reply>
class control_request {
public:
  /// The request, and what gRPC wants to have of it.
  static std::pair<std::shared_ptr<control_request>, grpc::ServerUnaryReactor*> make(Reply& reply) {
    auto out = std::make_shared<control_request>();
    out->reactor_ = new reactor{out, reply};
    return {out, out->reactor_};
  }

  /// Calls `fill(reply)` and sends it, unless the request has ended.
  template <class F>
  void answer(F&& fill) {
    auto* x = take();
    if (!x)
      return;
    fill(x->reply);
    x->Finish(grpc::Status::OK);
  }

  /// Ends the request with a status of gRPC's, unless it has ended.
  void refuse(const grpc::Status& status) {
    if (auto* x = take())
      x->Finish(status);
  }

  /// `f` is called once if the request is ended from outside; at once, if it has been.
  void on_cancel(std::function<void()> f) {
    {
      auto guard = std::lock_guard{mutex_};
      if (!cancelled_) {
        cancel_ = std::move(f);
        return;
      }
    }
    f();
  }

private:
  struct reactor final : grpc::ServerUnaryReactor {
    reactor(std::shared_ptr<control_request> x, Reply& to) : request{std::move(x)}, reply{to} {}

    void OnCancel() override {
      request->cancel();
    }
    void OnDone() override {
      delete this;
    }

    std::shared_ptr<control_request> request;
    Reply& reply; // lives until `Finish`
  };

  /// Who gets it finishes it.
  reactor* take() {
    auto guard = std::lock_guard{mutex_};
    return std::exchange(reactor_, nullptr);
  }

  void cancel() {
    auto f = std::function<void()>{};
    {
      auto guard = std::lock_guard{mutex_};
      cancelled_ = true;
      f = std::exchange(cancel_, nullptr);
    }
    if (f)
      f();
    refuse(grpc::Status::CANCELLED);
  }

  std::mutex mutex_;
  reactor* reactor_ = nullptr; // null: finished
  bool cancelled_ = false;
  std::function<void()> cancel_;
};

} // namespace snakepit::io
