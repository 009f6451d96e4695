#pragma once

#include <snakepit/error.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace snakepit::io {

/// Connects to the Unix socket at `path` without waiting, checks that who listens there is process
/// `pid` of the user given, or else our own, and unlinks the path, so that nobody else can connect.
/// Returns the descriptor (non-blocking, close-on-exec), which is the caller's.
///
/// Fails with worker_start_failed if nobody listens, with protocol_error if somebody else does; the
/// path stays then.
result<int> connect_to_peer(const std::string& path, int64_t pid, std::optional<uint32_t> user);

} // namespace snakepit::io
