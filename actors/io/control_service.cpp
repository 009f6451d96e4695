#include "actors/io/control_service.hpp"

#include "actors/io/control_codec.hpp"
#include "actors/io/control_request.hpp"

#include <unistd.h>

namespace snakepit::io {

namespace {

/// Answers at once.
template <class Reply, class F>
grpc::ServerUnaryReactor* at_once(Reply* reply, F&& fill) {
  auto [request, reactor] = control_request<Reply>::make(*reply);
  request->answer(fill);
  return reactor;
}

template <class Request>
auto error_answer(const std::shared_ptr<Request>& request) {
  return [request](const error& why) {
    request->answer([&](auto& reply) { encode(*reply.mutable_error(), why); });
  };
}

} // namespace

bool is_named(const death_certificate& x, std::string_view id) {
  return x.id == id
         || (!id.empty() && x.id.size() > id.size() && x.id.ends_with(id)
             && x.id[x.id.size() - id.size() - 1] == '/');
}

control_service::reactor* control_service::Call(context*, const v1::CallRequest* x,
                                                v1::CallReply* reply) {
  auto call = decode(*x);
  if (!call)
    return at_once(reply, [&](auto& to) { encode(*to.mutable_error(), call.error()); });
  auto [request, reactor] = control_request<v1::CallReply>::make(*reply);
  auto cancel = source_.call(std::move(*call), [request = request](outcome end) {
    request->answer([&](auto& to) { encode(to, end); });
  });
  request->on_cancel(std::move(cancel));
  return reactor;
}

control_service::reactor* control_service::Status(context*, const v1::StatusRequest*,
                                                  v1::StatusReply* reply) {
  auto [request, reactor] = control_request<v1::StatusReply>::make(*reply);
  auto task = [this, request = request] {
    auto status = source_.status();
    status.pid = ::getpid();
    request->answer([&](auto& to) { encode(to, status); });
  };
  if (!slow_.post(std::move(task)))
    request->refuse({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests wait"});
  return reactor;
}

control_service::reactor* control_service::Deaths(context*, const v1::DeathsRequest* x,
                                                  v1::DeathsReply* reply) {
  return at_once(reply, [&](auto& to) {
    for (auto& death : source_.deaths()) {
      if (!x->id().empty() && !is_named(*death.certificate, x->id()))
        continue;
      encode(*to.add_deaths(), death);
      if (to.deaths_size() == static_cast<int64_t>(x->limit()))
        break;
    }
  });
}

control_service::reactor* control_service::Stack(context*, const v1::StackRequest* x,
                                                 v1::StackReply* reply) {
  auto [request, reactor] = control_request<v1::StackReply>::make(*reply);
  source_.stacks(x->pool(), x->slot(), [request = request](result<stack_report> seen) {
    if (!seen)
      return error_answer(request)(seen.error());
    request->answer([&](auto& to) { encode(*to.mutable_stacks(), *seen); });
  });
  return reactor;
}

control_service::reactor* control_service::Recycle(context*, const v1::RecycleRequest* x,
                                                   v1::RecycleReply* reply) {
  auto [request, reactor] = control_request<v1::RecycleReply>::make(*reply);
  source_.recycle(x->pool(), x->slot(), [request = request](result<void> end) {
    if (!end)
      return error_answer(request)(end.error());
    request->answer([](auto&) {});
  });
  return reactor;
}

control_service::reactor* control_service::Reload(context*, const v1::ReloadRequest* x,
                                                  v1::ReloadReply* reply) {
  auto [request, reactor] = control_request<v1::ReloadReply>::make(*reply);
  auto task = [this, pool = x->pool(), request = request] {
    source_.reload(pool, [request](result<reload_summary> end) {
      if (!end)
        return error_answer(request)(end.error());
      request->answer([&](auto& to) { encode(to, *end); });
    });
  };
  if (!slow_.post(std::move(task)))
    request->refuse({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests wait"});
  return reactor;
}

control_service::reactor* control_service::LogLevel(context*, const v1::LogLevelRequest* x,
                                                    v1::LogLevelReply* reply) {
  auto done = source_.log_level(x->level(), x->category());
  return at_once(reply, [&](auto& to) {
    if (!done)
      encode(*to.mutable_error(), done.error());
  });
}

control_service::reactor* control_service::Tools(context*, const v1::ToolsRequest* x,
                                                 v1::ToolsReply* reply) {
  auto tools = source_.tools(x->pool());
  return at_once(reply, [&](auto& to) {
    if (!tools)
      return encode(*to.mutable_error(), tools.error());
    for (auto& tool : *tools)
      encode(*to.add_tools(), tool);
  });
}

control_service::reactor* control_service::Poisoned(context*, const v1::PoisonedRequest* x,
                                                    v1::PoisonedReply* reply) {
  auto [request, reactor] = control_request<v1::PoisonedReply>::make(*reply);
  auto task = [this, clear = x->clear(), request = request] {
    auto list = source_.poisoned(clear);
    request->answer([&](auto& to) {
      for (auto& one : list)
        encode(*to.add_calls(), one);
    });
  };
  if (!slow_.post(std::move(task)))
    request->refuse({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests wait"});
  return reactor;
}

} // namespace snakepit::io
