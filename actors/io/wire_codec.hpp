#pragma once

#include "actors/core/worker_protocol.hpp"
#include "actors/io/sent_numbers.hpp"

#include <snakepit/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The messages of proto/worker.proto as bytes on one side, as plain values on the other. What is
/// decoded comes from a process that is not trusted: counts and sizes are bounded here, and what
/// does not add up is refused. Errors are `protocol_error` unless said otherwise.
namespace snakepit::io {

inline constexpr size_t max_tools = 4096;
inline constexpr size_t max_tool_text_bytes = size_t{256} << 10; ///< of a schema or description
inline constexpr size_t max_libraries = 256;
inline constexpr size_t max_word_bytes = 1024; ///< of a version, a name, a key
inline constexpr size_t max_finals = 4096;     ///< of one message
inline constexpr size_t max_error_text_bytes = size_t{64} << 10;
inline constexpr size_t max_error_details = 64;
inline constexpr size_t max_frames = 256;
inline constexpr size_t max_causes = 16;

std::string encode_hello(const core::hello& x);

/// What a reply to Hello must agree with.
struct hello_terms {
  int64_t pid = 0;
  uint32_t lanes = 0;
};

/// Returns the worker's own error where it sent one. Tools with bad or equal names are
/// `invalid_name` and `duplicate_tool`.
result<core::hello_reply> decode_hello_reply(std::string_view message, const hello_terms& terms);

std::string encode_heartbeat(uint64_t nonce);

/// The number of the heartbeat that the frame answers, 0 if it says something else.
result<uint64_t> decode_worker_frame(std::string_view message);

std::string encode_shutdown(std::chrono::milliseconds grace);

/// A serialized snakepit.worker.v1.Error. Tools' exceptions come this way, so what is too long or
/// too deep is cut, not refused. A word that is no reason becomes `protocol_error` with the word in
/// the details. Retryable only where the table of reasons allows it.
error decode_error(std::string_view message);

/// Encodes batches, re-using its buffers. One thread at a time.
class batch_encoder {
public:
  batch_encoder();
  ~batch_encoder();
  batch_encoder(batch_encoder&&) noexcept;
  batch_encoder& operator=(batch_encoder&&) noexcept;

  /// Fails with `too_large` if the whole is above 2 GiB, which no protobuf message may be.
  result<std::string> encode(const core::batch& x);

private:
  struct scratch;
  std::unique_ptr<scratch> scratch_;
};

/// A batch as one of the `others` of a message. Such texts, joined, are one message with all of
/// them.
std::string wrap_batch(const std::string& batch);

/// Decodes the finals of one lane, or of all that share a stream, re-using its buffers. One thread
/// at a time.
class results_decoder {
public:
  /// `sent` outlives the decoder. A result above `payload_bytes` (attachments included; 0: no
  /// bound) becomes the error `too_large`.
  results_decoder(uint32_t lane, const sent_numbers& sent, uint64_t payload_bytes);
  /// Of lanes that share a stream: by index, what each was sent.
  results_decoder(std::span<const sent_numbers> shared, uint64_t payload_bytes);
  ~results_decoder();
  results_decoder(results_decoder&&) noexcept;
  results_decoder& operator=(results_decoder&&) noexcept;

  /// Numbers must ascend within a message and must have been sent.
  result<core::results> decode(std::string_view message);

  /// The same of lanes that share a stream: an entry for each run of finals of one lane. A message
  /// that holds several lanes' names the number of each final.
  result<std::vector<core::results>> decode_shared(std::string_view message);

private:
  struct scratch;
  std::unique_ptr<scratch> scratch_;
};

} // namespace snakepit::io
