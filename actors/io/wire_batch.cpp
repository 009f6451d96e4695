#include "actors/io/wire_codec.hpp"
#include "worker.pb.h"

#include <algorithm>
#include <cassert>
#include <climits>

namespace snakepit::io {

namespace v1 = worker::v1;

struct batch_encoder::scratch {
  v1::Batch message;
};

namespace {

// What is kept of a large batch's buffers would be kept for every lane.
constexpr size_t kept_bytes = 2 * core::max_batch_bytes;

void encode_tools(const core::batch& x, v1::Batch& out) {
  auto first = x.items.front().tool;
  if (std::ranges::all_of(x.items, [=](auto& item) { return item.tool == first; })) {
    out.set_tool_all(first);
    return;
  }
  for (auto& item : x.items)
    out.add_tool(item.tool);
}

void encode_budgets(const core::batch& x, v1::Batch& out) {
  auto first = x.items.front().budget_us;
  if (std::ranges::all_of(x.items, [=](auto& item) { return item.budget_us == first; })) {
    if (first != 0)
      out.add_budget_us(first);
    return;
  }
  for (auto& item : x.items)
    out.add_budget_us(item.budget_us);
}

void encode_json(const core::batch& x, size_t total, v1::Batch& out) {
  out.set_kind(v1::PAYLOAD_KIND_JSON);
  auto& args = *out.mutable_args();
  args.reserve(total + x.items.size() + 1);
  for (char before = '['; auto& item : x.items) {
    args += before;
    args += item.data;
    before = ',';
  }
  args += ']';
}

void encode_raw(const core::batch& x, size_t total, v1::Batch& out) {
  out.set_kind(v1::PAYLOAD_KIND_RAW);
  auto& data = *out.mutable_data();
  data.reserve(total);
  for (auto& item : x.items) {
    data += item.data;
    out.add_size(static_cast<uint32_t>(item.data.size()));
  }
}

void encode_rare(uint32_t index, const core::batch_item& item, v1::Batch& out) {
  if (item.attachments && !item.attachments->empty()) {
    auto& row = *out.add_attachments();
    row.set_index(index);
    for (auto& data : *item.attachments)
      row.add_data(data);
  }
  if (item.options) {
    auto& row = *out.add_context();
    row.set_index(index);
    row.set_session(item.options->session);
    row.set_traceparent(item.options->traceparent);
    row.set_correlation_id(item.options->correlation_id);
    if (item.attempt > 1)
      row.set_attempt(item.attempt);
  }
}

size_t payload_size(const core::batch_item& item) {
  auto total = item.data.size();
  if (item.attachments)
    for (auto& data : *item.attachments)
      total += data.size();
  return total;
}

} // namespace

batch_encoder::batch_encoder() : scratch_{std::make_unique<scratch>()} {}
batch_encoder::~batch_encoder() = default;
batch_encoder::batch_encoder(batch_encoder&&) noexcept = default;
batch_encoder& batch_encoder::operator=(batch_encoder&&) noexcept = default;

result<std::string> batch_encoder::encode(const core::batch& x) {
  assert(!x.items.empty());
  size_t total = 0, payloads = 0;
  for (auto& item : x.items) {
    total += item.data.size();
    payloads += payload_size(item);
  }
  auto refusal = [] { return fail(reason::too_large, "a batch is above 2 GiB"); };
  if (payloads > INT_MAX) // before a size is written in 32 bits
    return refusal();
  auto& out = scratch_->message;
  out.Clear();
  out.set_lane(x.lane);
  out.set_first_seq(x.first_seq);
  out.set_count(static_cast<uint32_t>(x.items.size()));
  out.set_together(x.together);
  encode_tools(x, out);
  encode_budgets(x, out);
  if (x.kind == core::payload_kind::json)
    encode_json(x, total, out);
  else
    encode_raw(x, total, out);
  for (uint32_t i = 0; auto& item : x.items)
    encode_rare(i++, item, out);
  std::string bytes;
  bool done = out.ByteSizeLong() <= INT_MAX && out.SerializeToString(&bytes);
  if (payloads > kept_bytes)
    scratch_ = std::make_unique<scratch>();
  if (!done)
    return refusal();
  return bytes;
}

std::string wrap_batch(const std::string& batch) {
  constexpr uint32_t tag = v1::Batch::kOthersFieldNumber << 3 | 2; // a field with a length
  static_assert(tag < 0x80);
  auto out = std::string{static_cast<char>(tag)};
  auto size = batch.size();
  for (; size >= 0x80; size >>= 7)
    out += static_cast<char>((size & 0x7f) | 0x80);
  out += static_cast<char>(size);
  return out += batch;
}

} // namespace snakepit::io
