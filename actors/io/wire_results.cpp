#include "actors/core/receipts.hpp"
#include "actors/io/wire_codec.hpp"
#include "actors/io/wire_error.hpp"
#include "actors/io/worker_channel.hpp"
#include "worker.pb.h"

#include <numeric>

namespace snakepit::io {

namespace v1 = worker::v1;

struct results_decoder::scratch {
  uint32_t lane;
  const sent_numbers* sent;
  std::span<const sent_numbers> shared; // instead, if lanes share the stream
  uint64_t payload_bytes;
  std::unique_ptr<v1::Results> message = std::make_unique<v1::Results>();
  // By index of the final, filled only for messages that have some.
  std::vector<v1::Failure*> failures;
  std::vector<v1::Attachments*> attachments;
  std::vector<uint32_t> lanes; // of the finals; empty: all of one

  /// Whose final this is.
  uint32_t lane_of(size_t i) const {
    return lanes.empty() ? lane : lanes[i];
  }
  /// Of several lanes.
  result<void> check_lanes(size_t count) const;
  result<core::results> decode(std::string_view text);
  /// Of a message that was checked.
  void decode_ends(std::vector<core::final_result>& finals);
};

namespace {

// What is kept of a large message's buffers would be kept for every lane.
constexpr size_t kept_result_bytes = 2 * core::max_batch_bytes;

tl::unexpected<error> refuse_results(std::string what) {
  return fail(reason::protocol_error, "results are malformed: " + std::move(what));
}

std::string mismatch(const char* what, auto got, auto want) {
  return std::string{what} + " has " + std::to_string(got) + ", not " + std::to_string(want);
}

result<void> check_numbers(const v1::Results& x, size_t count, uint64_t last_sent) {
  auto unknown = [=](uint64_t seq) {
    return refuse_results("number " + std::to_string(seq) + ", the highest sent is "
                          + std::to_string(last_sent));
  };
  if (x.revoked_from() > last_sent)
    return unknown(x.revoked_from());
  if (count == 0)
    return {};
  if (x.seq().empty()) {
    if (x.first_seq() == 0 || x.first_seq() > last_sent || count - 1 > last_sent - x.first_seq())
      return unknown(x.first_seq());
    return {};
  }
  if (static_cast<size_t>(x.seq_size()) != count)
    return refuse_results(mismatch("`seq`", x.seq_size(), count));
  uint64_t before = 0;
  for (auto seq : x.seq()) {
    if (seq <= before)
      return refuse_results("number " + std::to_string(seq) + " after " + std::to_string(before));
    before = seq;
  }
  if (before > last_sent)
    return unknown(before);
  return {};
}

result<void> check_columns(const v1::Results& x) {
  auto count = static_cast<size_t>(x.size_size());
  if (count > max_finals)
    return refuse_results(mismatch("`size`", count, max_finals) + " at most");
  if (static_cast<size_t>(x.run_us_size()) != count)
    return refuse_results(mismatch("`run_us`", x.run_us_size(), count));
  auto total = std::accumulate(x.size().begin(), x.size().end(), uint64_t{0});
  if (total != x.data().size())
    return refuse_results(mismatch("`data`", x.data().size(), total) + " bytes");
  return {};
}

/// Sorts the rows of a sparse table to the finals that they are of.
template <class Row>
result<void> spread(const char* what, google::protobuf::RepeatedPtrField<Row>& rows, size_t count,
                    std::vector<Row*>& out) {
  out.clear();
  if (rows.empty())
    return {};
  out.resize(count, nullptr);
  for (auto& row : rows) {
    if (row.index() >= count)
      return refuse_results(std::string{what} + " of index " + std::to_string(row.index()) + " of "
                            + std::to_string(count));
    if (std::exchange(out[row.index()], &row))
      return refuse_results(std::string{what} + " twice for index " + std::to_string(row.index()));
  }
  return {};
}

template <class Row>
Row* row_at(const std::vector<Row*>& rows, size_t i) {
  return rows.empty() ? nullptr : rows[i];
}

outcome decode_payload(bool raw, std::string text, v1::Attachments* attached, uint64_t limit) {
  uint64_t total = text.size();
  std::vector<std::string> attachments;
  if (attached) {
    attachments.reserve(static_cast<size_t>(attached->data_size()));
    for (auto& data : *attached->mutable_data()) {
      total += data.size();
      attachments.push_back(std::move(data));
    }
  }
  if (limit != 0 && total > limit)
    return fail(reason::too_large, "the result has " + std::to_string(total) + " bytes, at most "
                                     + std::to_string(limit) + " are allowed");
  return payload{raw, std::move(text), std::move(attachments)};
}

result<void> check_failures(const v1::Results& x, const std::vector<v1::Failure*>& failures) {
  for (size_t i = 0; i < failures.size(); ++i) {
    if (failures[i] && !failures[i]->has_error())
      return refuse_results("failure of index " + std::to_string(i) + " has no error");
    if (failures[i] && x.size(static_cast<int>(i)) != 0)
      return refuse_results("failure of index " + std::to_string(i) + " has a payload");
  }
  return {};
}

result<void> take_costs(const v1::Results& x, std::vector<core::final_result>& finals) {
  for (auto& row : x.costs()) {
    if (row.index() >= finals.size())
      return refuse_results("costs of index " + std::to_string(row.index()) + " of "
                            + std::to_string(finals.size()));
    auto& cost = finals[row.index()].cost;
    if (cost.cpu_calls != 0)
      return refuse_results("costs twice for index " + std::to_string(row.index()));
    cost.cpu_calls = 1;
    cost.cpu_ns = row.cpu_ns();
    cost.has_memory = row.has_memory_bytes();
    cost.memory_bytes = row.memory_bytes();
  }
  core::spread_costs(finals, x.began_us(), x.cpu_ns());
  return {};
}

} // namespace

result<void> results_decoder::scratch::check_lanes(size_t count) const {
  auto& x = *message;
  if (static_cast<size_t>(x.lanes_size()) != count)
    return refuse_results(mismatch("`lanes`", x.lanes_size(), count));
  if (static_cast<size_t>(x.seq_size()) != count)
    return refuse_results(mismatch("`seq`", x.seq_size(), count));
  if (x.revoked_from() != 0)
    return refuse_results("`revoked_from` without the one lane that it is of");
  for (int i = 0; i < x.lanes_size(); ++i) {
    if (x.lanes(i) >= shared.size())
      return refuse_results("lane " + std::to_string(x.lanes(i)) + " of "
                            + std::to_string(shared.size()));
    if (auto last = shared[x.lanes(i)].last(); x.seq(i) == 0 || x.seq(i) > last)
      return refuse_results("number " + std::to_string(x.seq(i)) + " of lane "
                            + std::to_string(x.lanes(i)) + ", the highest sent is "
                            + std::to_string(last));
    if (i > 0 && x.lanes(i) == x.lanes(i - 1) && x.seq(i) <= x.seq(i - 1))
      return refuse_results("number " + std::to_string(x.seq(i)) + " after "
                            + std::to_string(x.seq(i - 1)));
  }
  return {};
}

void results_decoder::scratch::decode_ends(std::vector<core::final_result>& finals) {
  sent_numbers::run run;
  auto of_lane = lane;
  size_t from = 0;
  for (size_t i = 0; i < finals.size(); ++i) {
    auto& final = finals[i];
    if (auto failure = row_at(failures, i)) {
      final.end = tl::unexpected{io::decode(failure->error())};
      continue;
    }
    if (auto its = lane_of(i); its != of_lane) {
      of_lane = its;
      sent = &shared[its];
      run = {};
    }
    if (final.seq > run.last)
      run = sent->find(final.seq);
    auto size = message->size(static_cast<int>(i));
    // A lone payload is taken as it is.
    auto text =
      finals.size() == 1 ? std::move(*message->mutable_data()) : message->data().substr(from, size);
    from += size;
    final.end = decode_payload(run.kind == core::payload_kind::raw, std::move(text),
                               row_at(attachments, i), payload_bytes);
  }
}

results_decoder::results_decoder(uint32_t lane, const sent_numbers& sent, uint64_t payload_bytes)
  : scratch_{std::make_unique<scratch>()} {
  scratch_->lane = lane;
  scratch_->sent = &sent;
  scratch_->payload_bytes = payload_bytes;
}
results_decoder::results_decoder(std::span<const sent_numbers> shared, uint64_t payload_bytes)
  : results_decoder{0, shared.front(), payload_bytes} {
  scratch_->shared = shared;
}
results_decoder::~results_decoder() = default;
results_decoder::results_decoder(results_decoder&&) noexcept = default;
results_decoder& results_decoder::operator=(results_decoder&&) noexcept = default;

result<core::results> results_decoder::decode(std::string_view message) {
  return scratch_->decode(message);
}

result<std::vector<core::results>> results_decoder::decode_shared(std::string_view message) {
  auto found = scratch_->decode(message);
  if (!found)
    return tl::unexpected{std::move(found.error())};
  auto out = std::vector<core::results>{};
  if (scratch_->lanes.empty()) {
    out.push_back(std::move(*found));
    return out;
  }
  for (size_t i = 0; i < found->finals.size(); ++i) {
    auto lane = scratch_->lanes[i];
    if (out.empty() || out.back().lane != lane)
      out.push_back({lane, {}, 0});
    out.back().finals.push_back(std::move(found->finals[i]));
  }
  return out;
}

result<core::results> results_decoder::scratch::decode(std::string_view text) {
  auto& s = *this;
  if (!parse(*s.message, text))
    return refuse_results("they cannot be decoded");
  auto& x = *s.message;
  auto count = static_cast<size_t>(x.size_size());
  lanes.assign(x.lanes().begin(), x.lanes().end());
  if (!shared.empty()) {
    if (x.lane() >= shared.size())
      return refuse_results("lane " + std::to_string(x.lane()) + " of "
                            + std::to_string(shared.size()));
    lane = x.lane();
    sent = &shared[lane];
  } else if (!lanes.empty()) {
    return refuse_results("finals of several lanes on the stream of one");
  }
  auto ok = check_columns(x)
              .and_then([&] {
                return lanes.empty() ? check_numbers(x, count, s.sent->last()) : check_lanes(count);
              })
              .and_then([&] { return spread("failure", *x.mutable_failures(), count, s.failures); })
              .and_then([&] {
                return spread("attachments", *x.mutable_attachments(), count, s.attachments);
              })
              .and_then([&] { return check_failures(x, s.failures); });
  if (!ok)
    return tl::unexpected{std::move(ok.error())};
  core::results out;
  out.lane = s.lane;
  out.revoked_from = x.revoked_from();
  out.finals.resize(count);
  for (size_t i = 0; i < count; ++i) {
    auto column = static_cast<int>(i);
    out.finals[i].seq = x.seq().empty() ? x.first_seq() + i : x.seq(column);
    out.finals[i].run_us = x.run_us(column);
  }
  if (auto costs = take_costs(x, out.finals); !costs)
    return tl::unexpected{std::move(costs.error())};
  s.decode_ends(out.finals);
  if (text.size() > kept_result_bytes)
    s.message = std::make_unique<v1::Results>();
  return out;
}

result<core::final_result> decode_final(std::string_view message, uint64_t seq, bool raw,
                                        uint64_t payload_bytes) {
  auto sent = sent_numbers{};
  sent.note(seq, 1, raw ? core::payload_kind::raw : core::payload_kind::json);
  auto found = results_decoder{0, sent, payload_bytes}.decode(message);
  if (!found)
    return tl::unexpected{std::move(found.error())};
  if (found->finals.size() != 1 || found->finals[0].seq != seq)
    return refuse_results("a journal entry holds other finals than its own");
  return std::move(found->finals[0]);
}

} // namespace snakepit::io
