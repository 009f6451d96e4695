#pragma once

#include <string>
#include <string_view>

namespace snakepit::telemetry {

/// What stands in place of a secret.
inline constexpr std::string_view redacted = "[redacted]";

/// Whether what goes by this name is a secret: password, passphrase, secret, credential,
/// authorization, cookie, api_key, private_key, access_key, anything that ends in token or pwd; in
/// any spelling (`apiKey`, `X-Api-Key`). `tokens` and `token_count` are none.
bool is_secret_name(std::string_view name) noexcept;

/// The text without its secrets: values of secret names (`password=x`, `"token": "x"`,
/// `Authorization: ...`, `--api-key x`), bearer and basic credentials, passwords in URLs, keys of
/// known make, JSON web tokens, hexadecimal words of 32 digits and more, and words that look like
/// base64. It errs on the side of hiding. Linear in the length of the text.
std::string redact(std::string_view text);

/// The value of a field, redacted by its name and its shape. Values of `trace_id`, `span_id`,
/// `traceparent`, `correlation_id`, `run_id` look like secrets and are kept.
std::string redact(std::string_view name, std::string_view value);

} // namespace snakepit::telemetry
