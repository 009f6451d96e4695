#pragma once

#include <snakepit/error.hpp>

namespace snakepit::io {

/// Makes gRPC start its threads now and keep them until this program ends. Under a shortage of
/// threads it would else fail to start them with the first worker, say nothing, and wait for them
/// for ever when the last worker is gone. Once it has succeeded, again and again is harmless.
///
/// Fails with `unavailable` if the threads do not run.
result<void> start_grpc_threads();

} // namespace snakepit::io
