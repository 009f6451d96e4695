#include "telemetry/redaction.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <ctime>

using namespace snakepit::telemetry;

namespace {

/// Whether the text passes unchanged.
bool kept(const std::string& text) {
  return redact(text) == text;
}

} // namespace

TEST_SUITE_BEGIN("redaction");

TEST_CASE("secret names are known in any spelling [S4]") {
  for (auto name : {"password",      "PASSWORD",
                    "db_password",   "passwd",
                    "passphrase",    "client_secret",
                    "Token",         "access_token",
                    "accessToken",   "auth-token",
                    "api_key",       "apiKey",
                    "X-Api-Key",     "APIKEY",
                    "Authorization", "Proxy-Authorization",
                    "Set-Cookie",    "aws_secret_access_key",
                    "private_key",   "credentials",
                    "PGPWD"}) {
    CAPTURE(name);
    CHECK(is_secret_name(name));
  }
  for (auto name : {"", "tokens", "max_tokens", "token_count", "tokenizer", "eos_token_id", "pass",
                    "key", "keys", "author", "user", "monkey", "pool", "slot", "call"}) {
    CAPTURE(name);
    CHECK(!is_secret_name(name));
  }
}

TEST_CASE("values of secret names are hidden, whatever the notation [S4]") {
  CHECK(redact("password=hunter2") == "password=[redacted]");
  CHECK(redact("password = hunter2, user=bob") == "password = [redacted], user=bob");
  CHECK(redact("password: hunter2") == "password: [redacted]");
  CHECK(redact("cfg.password=hunter2;x=1") == "cfg.password=[redacted];x=1");
  CHECK(redact("?token=abc&page=2") == "?token=[redacted]&page=2");
  CHECK(redact("{\"api_key\": \"a b c\", \"n\": 1}") == "{\"api_key\": \"[redacted]\", \"n\": 1}");
  CHECK(redact("{'token': 'it\\'s', 'n': 1}") == "{'token': '[redacted]', 'n': 1}");
  CHECK(redact("{'token': b'x\\x00', 'n': 1}") == "{'token': b'[redacted]', 'n': 1}");
  CHECK(redact("{\\\"token\\\": \\\"abc\\\", \\\"n\\\": 1}")
        == "{\\\"token\\\": \\\"[redacted]\\\", \\\"n\\\": 1}");
  CHECK(redact("password=\"never closed") == "password=\"[redacted]");
  CHECK(redact("credentials={'a': 'b', 'c': 'd'} tail") == "credentials=[redacted]");
  CHECK(redact("--password hunter2 --user bob") == "--password [redacted] --user bob");
  CHECK(redact("--api-key=hunter2") == "--api-key=[redacted]");
  CHECK(redact("AWS_SECRET_ACCESS_KEY=x") == "AWS_SECRET_ACCESS_KEY=[redacted]");
  CHECK(redact("\x1b[36mpassword\x1b[0m=\x1b[35mhunter2\x1b[0m a=1")
        == "\x1b[36mpassword\x1b[0m=\x1b[35m[redacted] a=1");
  CHECK(redact("token=a\nb=c") == "token=[redacted]\nb=c");
}

TEST_CASE("headers that authorize are hidden to the end of the line [S4]") {
  CHECK(redact("Authorization: Bearer abc def") == "Authorization: [redacted]");
  CHECK(redact("authorization: Basic dXNlcjpwYXNz\r\nHost: x")
        == "authorization: [redacted]\r\nHost: x");
  CHECK(redact("Set-Cookie: a=b; c=d") == "Set-Cookie: [redacted]");
  CHECK(redact("{'Authorization': 'Bearer abc', 'n': 1}")
        == "{'Authorization': '[redacted]', 'n': 1}");
}

TEST_CASE("credentials are hidden where they stand alone [S4]") {
  CHECK(redact("sent Bearer abc.def-123 to host") == "sent Bearer [redacted] to host");
  CHECK(redact("basic dXNlcjpwYXNz=") == "basic [redacted]");
  CHECK(redact("token: Bearer xyz rest") == "token: [redacted] rest");
  CHECK(kept("a bearer of good news"));
  CHECK(kept("basic functionality works"));
}

TEST_CASE("passwords in addresses are hidden [S4]") {
  CHECK(redact("postgres://bob:hunter2@db:5432/x") == "postgres://bob:[redacted]@db:5432/x");
  CHECK(redact("redis://:hunter2@host") == "redis://:[redacted]@host");
  CHECK(redact("https://u:p@ss@host/") == "https://u:[redacted]@host/");
  CHECK(kept("https://host:8080/a@b:c"));
  CHECK(kept("https://bob@host/"));
  CHECK(kept("see http://x.org/ and a:b@c"));
}

TEST_CASE("secrets are known by their shape [S4]") {
  CHECK(redact("id 0123456789abcdef0123456789abcdef!") == "id [redacted]!");
  CHECK(redact("/cache/0123456789abcdef0123456789abcdef/x") == "/cache/[redacted]/x");
  CHECK(redact("k=dGhpcyBpcyBhIHNlY3JldCB2YWx1ZSBvZiAzMiBieXRlcw==.") == "k=[redacted].");
  CHECK(redact("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP x") == "jwt [redacted] x");
  CHECK(redact("ghp_16C7e42F292c6912E7710c838347Ae178B4a") == "[redacted]");
  CHECK(redact("key AKIAIOSFODNN7EXAMPLE.") == "key [redacted].");
}

TEST_CASE("what people need to read in a log is kept [S4]") {
  for (auto text : {
         "",
         "plain words, numbers 12345678901234567890123456789012 and signs: a=b",
         "File \"/usr/lib/python3.11/dist-packages/grpc/_channel.py\", line 946, in __call__",
         "/home/user/projects/my-service/src/AdapterImplementationForPython3/module_v2.py",
         "test_a_very_long_function_name_that_says_what_it_does_in_2_words",
         "AbstractSingletonProxyFactoryBeanWithAVeryLongName",
         "550e8400-e29b-41d4-a716-446655440000",
         "tokens=512 max_tokens: 4096 Token indices sequence length is longer",
         "x86_64-linux-gnu/libstdc++.so.6.0.30 GLIBCXX_3.4.30",
         "================================================================",
         "ValueError: could not convert string to float: 'abc'",
         "password",
         "password:",
         "the password, please",
         "progress: 45%|####      | 45/100 [00:01<00:01, 44.5it/s]",
         "0xdeadbeef 0x7fffffffe3c0 1e-05 2026-01-31T23:59:59.999Z",
       }) {
    CAPTURE(text);
    CHECK(kept(text));
  }
}

TEST_CASE("fields go by their names, and ids are no secrets [S4]") {
  CHECK(redact("password", "x") == "[redacted]");
  CHECK(redact("url", "redis://:p@h") == "redis://:[redacted]@h");
  CHECK(redact("trace_id", "0123456789abcdef0123456789abcdef")
        == "0123456789abcdef0123456789abcdef");
  CHECK(redact("note", "0123456789abcdef0123456789abcdef") == "[redacted]");
}

TEST_CASE("whatever the text, redaction ends, and once is enough [S4] [S5]") {
  auto pieces = std::vector<std::string>{
    "password", "token",  "Bearer ", "=", ":", " ",   "\"", "'",       "\\",
    "\n",       "a",      "B",       "7", "/", "://", "@",  "\x1b[0m", "\x1b[",
    "eyJ",      "AKIA",   "--",      "{", "[", ",",   "&",  "\xff",    std::string(40, 'f') + "0",
    "b'",       "basic ", "cookie"};
  CHECK(rc::check([&] {
    auto parts = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(pieces));
    auto text = std::string{};
    for (auto& part : parts)
      text += part;
    RC_ASSERT(redact(text + " password=hunter2").find("hunter2") == std::string::npos);
  }));
}

TEST_CASE("the time is linear in the length, whatever the text [S5]") {
  auto begin = std::clock();
  for (std::string piece :
       {"a",   "a/",    "aB1/",    "password", "password ", "password=", "password'",
        "://", "://a:", "Bearer ", "-",        "--token ",  "\\",        "'",
        "eyJ", "eyJ.",  "\x1b[",   "=",        "f0",        "f0-"}) {
    auto text = std::string{};
    while (text.size() < 200'000)
      text += piece;
    CHECK(!redact(text).empty());
  }
  CHECK((std::clock() - begin) / CLOCKS_PER_SEC < 30);
}

TEST_SUITE_END();
