#include "actors/caf_reply.hpp"

#include "actors/pool.hpp"

#include <caf/actor_cast.hpp>
#include <caf/make_message.hpp>

#include <atomic>

namespace snakepit {

namespace {

constexpr auto our_category = caf::atom("snakepit");

/// The requester of one request.
class caf_target : public core::reply_target {
public:
  caf_target(caf::strong_actor_ptr requester, caf::message_id id)
    : requester_{std::move(requester)}, id_{id} {}

  void answer(uint64_t, outcome end) noexcept override {
    if (!requester_ || !id_.is_request())
      return;
    auto message = caf::message{};
    if (end) {
      auto attachments = end->attachments();
      auto raw = end->is_raw();
      auto receipt = end->receipt();
      message =
        caf::make_message(response{std::move(*end).text(), std::move(attachments), raw, receipt});
    } else {
      message = caf::make_message(to_caf(end.error()));
    }
    requester_->enqueue(nullptr, id_.response_id(), std::move(message), nullptr);
  }

private:
  caf::strong_actor_ptr requester_;
  caf::message_id id_;
};

} // namespace

core::call_ptr call_of(request& x, const caf::strong_actor_ptr& requester, caf::message_id id,
                       const pool_settings& settings, core::time_point now) {
  auto group = std::make_shared<core::call_group>();
  group->tool = std::move(x.tool);
  group->options.session = std::move(x.session);
  group->options.correlation_id = std::move(x.correlation_id);
  group->options.traceparent = std::move(x.traceparent);
  group->options.priority = x.priority;
  group->options.tenant = std::move(x.tenant);
  if (x.idempotent)
    group->options.idempotent = true;
  auto result = std::make_unique<core::call>();
  result->id = next_call_id();
  result->group = std::move(group);
  result->kind = x.raw ? core::payload_kind::raw : core::payload_kind::json;
  result->data = std::move(x.args);
  result->attachments = std::move(x.attachments);
  auto timeout = x.timeout > duration{0} ? x.timeout : settings.call_timeout;
  auto wait = x.queue_timeout > duration{0} ? x.queue_timeout : settings.queue_timeout;
  result->admitted = now;
  result->deadline = core::later(now, timeout);
  result->queue_deadline = std::min(result->deadline, core::later(now, wait));
  result->slot = core::reply_slot{std::make_shared<caf_target>(requester, id), 0};
  return result;
}

uint64_t next_call_id() {
  static auto last = std::atomic<uint64_t>{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

caf::error to_caf(const error& x) {
  auto context = caf::make_message(std::string{to_string(x.reason)}, x.message, x.retryable,
                                   x.details, to_json(x));
  return {static_cast<uint8_t>(static_cast<uint8_t>(x.reason) + 1), our_category,
          std::move(context)};
}

error from_caf(const caf::error& x) {
  auto& context = x.context();
  if (x.category() != our_category
      || !context.match_elements<std::string, std::string, bool, detail_map, std::string>())
    return {reason::internal, "an error of another part: " + caf::to_string(x)};
  auto why = find_reason(context.get_as<std::string>(0));
  auto result = error{why.value_or(reason::internal), context.get_as<std::string>(1),
                      context.get_as<detail_map>(3)};
  result.retryable = context.get_as<bool>(2);
  result.details.emplace("json", context.get_as<std::string>(4));
  return result;
}

} // namespace snakepit
