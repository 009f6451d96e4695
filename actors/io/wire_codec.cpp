#include "actors/io/wire_codec.hpp"

#include "actors/io/wire_error.hpp"
#include "worker.pb.h"

#include <snakepit/version.hpp>

#include <algorithm>
#include <set>

namespace snakepit::io {

namespace v1 = worker::v1;

namespace {

tl::unexpected<error> refuse(std::string what) {
  return fail(reason::protocol_error, std::move(what));
}

bool is_tool_name(std::string_view x) {
  auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !x.empty() && x.size() <= 64 && alphanumeric(x.front())
         && std::ranges::all_of(
           x, [&](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

result<void> check_terms(const v1::HelloReply& x, const hello_terms& terms) {
  if (x.protocol_major() != core::protocol_major)
    return refuse("the worker speaks protocol " + std::to_string(x.protocol_major()) + ", the host "
                  + std::to_string(core::protocol_major));
  if (x.version() != version)
    return refuse("the worker's snakepit_bridge is version " + cut(x.version(), 64)
                  + ", the host is " + version);
  if (x.pid() != terms.pid)
    return refuse("the worker says it is process " + std::to_string(x.pid()) + ", but it is "
                  + std::to_string(terms.pid));
  if (x.lanes() != terms.lanes)
    return refuse("the worker has " + std::to_string(x.lanes()) + " lanes, asked for were "
                  + std::to_string(terms.lanes));
  return {};
}

result<void> check_texts(const v1::HelloReply& x) {
  auto short_enough = [](const std::string& text) { return text.size() <= max_word_bytes; };
  if (!short_enough(x.python_version()) || !short_enough(x.adapter()))
    return refuse("the worker's Hello has a name above " + std::to_string(max_word_bytes)
                  + " bytes");
  if (static_cast<size_t>(x.libraries_size()) > max_libraries)
    return refuse("the worker names " + std::to_string(x.libraries_size()) + " libraries, at most "
                  + std::to_string(max_libraries) + " are allowed");
  for (auto& [name, number] : x.libraries())
    if (!short_enough(name) || !short_enough(number))
      return refuse("the worker's Hello has a library's name or version above "
                    + std::to_string(max_word_bytes) + " bytes");
  return {};
}

result<core::tool_entry> decode_tool(v1::Tool& x) {
  if (!is_tool_name(x.name()))
    return fail(reason::invalid_name,
                "a tool's name must be 1 to 64 of A-Z a-z 0-9 _ . - and begin "
                "with a letter or digit: "
                  + cut(x.name(), 128));
  if (x.number() < core::tool_number::first)
    return refuse("tool " + x.name() + " has the reserved number " + std::to_string(x.number()));
  if (x.schema().size() > max_tool_text_bytes || x.description().size() > max_tool_text_bytes)
    return refuse("tool " + x.name() + " has a schema or description above "
                  + std::to_string(max_tool_text_bytes) + " bytes");
  if (x.batch_max_size() > core::max_batch_calls
      || x.batch_max_delay_us() > core::max_batch_delay / std::chrono::microseconds{1})
    return refuse("tool " + x.name() + " wants batches of " + std::to_string(x.batch_max_size())
                  + " calls within " + std::to_string(x.batch_max_delay_us()) + " us");
  core::tool_entry out;
  out.number = x.number();
  out.interrupt = x.interrupt();
  out.description.name = std::move(*x.mutable_name());
  out.description.description = std::move(*x.mutable_description());
  out.description.schema = std::move(*x.mutable_schema());
  out.description.raw = x.raw();
  out.description.idempotent = x.idempotent();
  out.description.batch_size = x.batch_max_size();
  out.description.batch_delay = std::chrono::microseconds{x.batch_max_delay_us()};
  return out;
}

result<std::vector<core::tool_entry>> decode_tools(v1::HelloReply& x) {
  if (static_cast<size_t>(x.tools_size()) > max_tools)
    return refuse("the worker has " + std::to_string(x.tools_size()) + " tools, at most "
                  + std::to_string(max_tools) + " are allowed");
  std::vector<core::tool_entry> out;
  std::set<std::string> names;
  std::set<uint32_t> numbers;
  for (auto& tool : *x.mutable_tools()) {
    auto entry = decode_tool(tool);
    if (!entry)
      return tl::unexpected{std::move(entry.error())};
    auto& name = entry->description.name;
    if (!names.insert(name).second)
      return fail(reason::duplicate_tool, "two tools are named " + name, {{"tool", name}});
    if (!numbers.insert(entry->number).second)
      return refuse("two tools have the number " + std::to_string(entry->number));
    out.push_back(std::move(*entry));
  }
  return out;
}

} // namespace

std::string encode_hello(const core::hello& x) {
  v1::HelloRequest out;
  out.set_token(x.token);
  out.set_protocol_major(core::protocol_major);
  out.set_protocol_minor(core::protocol_minor);
  out.set_version(version);
  out.set_run_id(x.run_id);
  out.set_instance(x.instance);
  out.set_pool(x.pool);
  out.set_slot(x.slot);
  out.set_generation(x.generation);
  out.set_adapter(x.adapter);
  out.set_lanes(x.lanes);
  out.set_profile(x.on_loop   ? v1::PROFILE_ASYNC
                  : x.threads ? v1::PROFILE_THREAD
                              : v1::PROFILE_PROCESS);
  out.mutable_limits()->set_payload_bytes(x.payload_bytes);
  out.mutable_limits()->set_depth(x.depth);
  for (auto& fault : x.faults) {
    auto& to = *out.mutable_chaos()->add_faults();
    to.set_word(fault.word);
    to.set_rate(fault.rate);
    to.set_nth(fault.nth);
  }
  if (!x.faults.empty())
    out.mutable_chaos()->set_seed(x.chaos_seed);
  return out.SerializeAsString();
}

result<core::hello_reply> decode_hello_reply(std::string_view message, const hello_terms& terms) {
  v1::HelloReply x;
  if (!parse(x, message))
    return refuse("the worker's answer to Hello cannot be decoded");
  if (x.has_error())
    return tl::unexpected{decode(x.error())};
  auto checked = check_terms(x, terms).and_then([&] { return check_texts(x); });
  if (!checked)
    return tl::unexpected{std::move(checked.error())};
  auto tools = decode_tools(x);
  if (!tools)
    return tl::unexpected{std::move(tools.error())};
  core::hello_reply out;
  out.pid = x.pid();
  out.start_time = x.start_time();
  out.python_version = x.python_version();
  out.libraries = {x.libraries().begin(), x.libraries().end()};
  out.adapter = x.adapter();
  out.lanes = x.lanes();
  out.tools = std::move(*tools);
  out.has_barrier = std::ranges::count(x.features(), "membarrier") > 0;
  return out;
}

std::string encode_heartbeat(uint64_t nonce) {
  v1::HostFrame out;
  out.mutable_heartbeat()->set_nonce(nonce);
  return out.SerializeAsString();
}

result<uint64_t> decode_worker_frame(std::string_view message) {
  v1::WorkerFrame frame;
  if (!parse(frame, message))
    return fail(reason::protocol_error, "a frame on the control stream is malformed");
  return frame.heartbeat().nonce();
}

std::string encode_shutdown(std::chrono::milliseconds grace) {
  v1::HostFrame out;
  auto ms = std::clamp<int64_t>(grace.count(), 0, UINT32_MAX);
  out.mutable_shutdown()->set_grace_ms(static_cast<uint32_t>(ms));
  return out.SerializeAsString();
}

} // namespace snakepit::io
