#pragma once

#include "actors/io/worker_channel.hpp"
#include "tests/support/channel_recorder.hpp"
#include "tests/support/fake_worker_server.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

namespace snakepit::test {

inline core::hello hello_of(uint32_t lanes) {
  core::hello out;
  out.token = std::string("\0\xff secret", 9);
  out.pool = "demo";
  out.lanes = lanes;
  out.payload_bytes = 8 << 20;
  return out;
}

/// `payloads` must live until the batch was sent.
inline core::batch batch_of(uint32_t lane, uint64_t first_seq,
                            const std::vector<std::string>& payloads, core::payload_kind kind) {
  core::batch out{.lane = lane, .first_seq = first_seq, .kind = kind, .items = {}};
  for (auto& payload : payloads) {
    auto& item = out.items.emplace_back();
    item.tool = core::tool_number::first;
    item.data = payload;
  }
  return out;
}

/// A fake worker in this process and an open channel to it.
struct open_channel {
  static inline const std::string token = hello_of(1).token;
  static inline const uint64_t payload_bytes = hello_of(1).payload_bytes;

  temporary_folder folder;
  fake_worker_server server;
  channel_recorder seen;
  std::unique_ptr<io::worker_channel> channel = io::make_grpc_channel(seen.events());

  open_channel(uint32_t lanes, fake_worker_script script, bool on_loop = false)
    : server{folder.path() / "socket", std::move(script)} {
    auto hello = hello_of(lanes);
    hello.on_loop = on_loop;
    channel->greet(server.path(), getpid(), std::move(hello));
    auto greeted = seen.greeted();
    REQUIRE(greeted);
    REQUIRE(*greeted);
    channel->open(lanes);
  }

  void send(uint32_t lane, uint64_t first_seq, const std::vector<std::string>& payloads,
            core::payload_kind kind = core::payload_kind::json) {
    channel->send(batch_of(lane, first_seq, payloads, kind));
  }
};

} // namespace snakepit::test
