#include "actors/io/wire_codec.hpp"
#include "worker.pb.h"

#include <snakepit/version.hpp>

#include <doctest/doctest.h>

using namespace snakepit;
using namespace snakepit::io;
namespace wire = snakepit::worker::v1;
using namespace std::chrono_literals;

namespace {

template <class Message>
Message parsed(const std::string& bytes) {
  Message out;
  REQUIRE(out.ParseFromString(bytes));
  return out;
}

core::batch batch_of(std::vector<core::batch_item> items,
                     core::payload_kind kind = core::payload_kind::json) {
  return {.lane = 0, .first_seq = 7, .kind = kind, .items = std::move(items)};
}

core::batch_item item(uint32_t tool, std::string_view data) {
  core::batch_item out;
  out.tool = tool;
  out.data = data;
  return out;
}

wire::Batch encoded(const core::batch& x) {
  auto bytes = batch_encoder{}.encode(x);
  REQUIRE(bytes);
  return parsed<wire::Batch>(*bytes);
}

constexpr hello_terms terms{.pid = 100, .lanes = 2};

wire::HelloReply good_reply() {
  wire::HelloReply x;
  x.set_protocol_major(core::protocol_major);
  x.set_version(version);
  x.set_pid(terms.pid);
  x.set_start_time(5);
  x.set_python_version("3.11.2");
  (*x.mutable_libraries())["grpcio"] = "1.51.1";
  x.set_adapter("Demo");
  x.set_lanes(terms.lanes);
  for (auto name : {"echo", "ml.fit-2"}) {
    auto& tool = *x.add_tools();
    tool.set_number(wire::TOOL_NUMBER_FIRST + static_cast<uint32_t>(x.tools_size()));
    tool.set_name(name);
    tool.set_schema("{}");
  }
  return x;
}

reason greeting_fault(const wire::HelloReply& x) {
  auto out = decode_hello_reply(x.SerializeAsString(), terms);
  REQUIRE(!out);
  CHECK(!out.error().message.empty());
  return out.error().reason;
}

/// A deep and long exception, as a tool that recurses without end makes it.
wire::Error large_error() {
  wire::Error x;
  x.set_reason("python_exception");
  x.set_message(std::string(max_error_text_bytes - 8, 'x')
                + "\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4");
  for (int i = 0; i < 100; ++i)
    (*x.mutable_details())[std::to_string(i)] = "y";
  auto* python = x.mutable_python();
  for (uint32_t i = 0; i < 1000; ++i)
    python->add_frames()->set_line(i);
  for (int i = 0; i < 40; ++i)
    python = python->mutable_cause();
  return x;
}

} // namespace

TEST_CASE("Hello says who the worker is and what it may do [W2]") {
  core::hello x{.token = std::string("\0secret", 7),
                .run_id = "r1",
                .instance = "i",
                .pool = "p",
                .slot = 3,
                .generation = 4,
                .adapter = "mod:Class",
                .lanes = 2,
                .payload_bytes = 1000,
                .depth = 100};
  auto out = parsed<wire::HelloRequest>(encode_hello(x));
  CHECK(out.token() == x.token);
  CHECK(out.protocol_major() == core::protocol_major);
  CHECK(out.version() == version);
  CHECK(out.run_id() == "r1");
  CHECK(out.instance() == "i");
  CHECK(out.pool() == "p");
  CHECK(out.slot() == 3);
  CHECK(out.generation() == 4);
  CHECK(out.adapter() == "mod:Class");
  CHECK(out.lanes() == 2);
  CHECK(out.limits().payload_bytes() == 1000);
  CHECK(out.limits().depth() == 100);
}

TEST_CASE("a right answer to Hello brings the worker's tools [W2]") {
  auto x = good_reply();
  x.mutable_tools(1)->set_raw(true);
  x.mutable_tools(1)->set_idempotent(true);
  x.mutable_tools(1)->set_interrupt(true);
  x.mutable_tools(1)->set_description("fits");
  x.mutable_tools(1)->set_batch_max_size(1024);
  x.mutable_tools(1)->set_batch_max_delay_us(1'000'000);
  auto out = decode_hello_reply(x.SerializeAsString(), terms);
  REQUIRE(out);
  CHECK(out->pid == 100);
  CHECK(out->start_time == 5);
  CHECK(out->python_version == "3.11.2");
  CHECK(out->libraries == std::map<std::string, std::string>{{"grpcio", "1.51.1"}});
  CHECK(out->adapter == "Demo");
  CHECK(out->lanes == 2);
  REQUIRE(out->tools.size() == 2);
  CHECK(out->tools[0].description.name == "echo");
  CHECK(!out->tools[0].description.raw);
  CHECK(!out->tools[0].interrupt);
  CHECK(out->tools[0].description.batch_size == 0);
  CHECK(out->tools[1].number == 18);
  CHECK(out->tools[1].description.name == "ml.fit-2");
  CHECK(out->tools[1].description.description == "fits");
  CHECK(out->tools[1].description.schema == "{}");
  CHECK(out->tools[1].description.raw);
  CHECK(out->tools[1].description.batch_size == 1024);
  CHECK((out->tools[1].description.batch_delay == std::chrono::seconds{1}));
  CHECK(out->tools[1].description.idempotent);
  CHECK(out->tools[1].interrupt);
}

TEST_CASE("a worker of another protocol, version, process or width is refused [W2]") {
  auto x = good_reply();
  SUBCASE("protocol") {
    x.set_protocol_major(core::protocol_major + 1);
  }
  SUBCASE("version") {
    x.set_version("9.9.9");
  }
  SUBCASE("process") {
    x.set_pid(101);
  }
  SUBCASE("lanes") {
    x.set_lanes(1);
  }
  CHECK(greeting_fault(x) == reason::protocol_error);
}

TEST_CASE("a worker's own error ends Hello as it is [W4]") {
  wire::HelloReply x;
  x.mutable_error()->set_reason("worker_start_failed");
  x.mutable_error()->set_message("no module named demo");
  x.mutable_error()->set_retryable(true);
  auto out = decode_hello_reply(x.SerializeAsString(), terms);
  REQUIRE(!out);
  CHECK(out.error().reason == reason::worker_start_failed);
  CHECK(out.error().message == "no module named demo");
  CHECK(out.error().retryable);
}

TEST_CASE("tools have good names, each once [B6]") {
  auto x = good_reply();
  for (auto name : {"", ".x", "_x", "a b", "a/b", "\u00e4"}) {
    CAPTURE(name);
    x.mutable_tools(0)->set_name(name);
    CHECK(greeting_fault(x) == reason::invalid_name);
  }
  x.mutable_tools(0)->set_name(std::string(65, 'a'));
  CHECK(greeting_fault(x) == reason::invalid_name);
  x.mutable_tools(0)->set_name(std::string(64, 'a'));
  CHECK(decode_hello_reply(x.SerializeAsString(), terms));
  x.mutable_tools(0)->set_name(x.tools(1).name());
  CHECK(greeting_fault(x) == reason::duplicate_tool);
}

TEST_CASE("an answer to Hello is bounded [S5]") {
  auto x = good_reply();
  SUBCASE("reserved number") {
    x.mutable_tools(0)->set_number(15);
  }
  SUBCASE("equal numbers") {
    x.mutable_tools(0)->set_number(x.tools(1).number());
  }
  SUBCASE("schema") {
    x.mutable_tools(0)->set_schema(std::string(max_tool_text_bytes + 1, ' '));
  }
  SUBCASE("description") {
    x.mutable_tools(0)->set_description(std::string(max_tool_text_bytes + 1, ' '));
  }
  SUBCASE("batch") {
    x.mutable_tools(0)->set_batch_max_size(1025);
  }
  SUBCASE("delay of a batch") {
    x.mutable_tools(0)->set_batch_max_size(1);
    x.mutable_tools(0)->set_batch_max_delay_us(1'000'001);
  }
  SUBCASE("adapter") {
    x.set_adapter(std::string(max_word_bytes + 1, 'a'));
  }
  SUBCASE("python") {
    x.set_python_version(std::string(max_word_bytes + 1, '3'));
  }
  SUBCASE("library") {
    (*x.mutable_libraries())["a"] = std::string(max_word_bytes + 1, '3');
  }
  SUBCASE("libraries") {
    for (size_t i = 0; i < max_libraries; ++i)
      (*x.mutable_libraries())[std::to_string(i)] = "1";
  }
  SUBCASE("tools") {
    for (uint32_t i = 0; i < max_tools; ++i) {
      auto& tool = *x.add_tools();
      tool.set_number(1000 + i);
      tool.set_name("t" + std::to_string(i));
    }
  }
  CHECK(greeting_fault(x) == reason::protocol_error);
}

TEST_CASE("an answer to Hello that is no message is refused [S5]") {
  auto out = decode_hello_reply("\xff\xff\xff", terms);
  REQUIRE(!out);
  CHECK(out.error().reason == reason::protocol_error);
}

TEST_CASE("JSON arguments travel as one array [D1]") {
  auto out = encoded(batch_of({item(16, R"({"x":1})"), item(16, "{}")}));
  CHECK(out.first_seq() == 7);
  CHECK(out.count() == 2);
  CHECK(out.kind() == wire::PAYLOAD_KIND_JSON);
  CHECK(out.args() == R"([{"x":1},{}])");
  CHECK(!out.together());
  CHECK(out.data().empty());
  CHECK(out.size().empty());
}

TEST_CASE("a batch says whether it runs as one [Q8]") {
  batch_encoder encoder;
  auto x = batch_of({item(16, "{}"), item(16, "{}")});
  x.together = true;
  CHECK(parsed<wire::Batch>(*encoder.encode(x)).together());
  x.together = false;
  CHECK(!parsed<wire::Batch>(*encoder.encode(x)).together());
}

TEST_CASE("what all calls of a batch share is said once, what most lack is not said [D1]") {
  auto alike = encoded(batch_of({item(16, "{}"), item(16, "{}")}));
  CHECK(alike.tool_all() == 16);
  CHECK(alike.tool().empty());
  CHECK(alike.budget_us().empty());
  CHECK(alike.attachments().empty());
  CHECK(alike.context().empty());
  auto hurried = batch_of({item(16, "{}"), item(16, "{}")});
  hurried.items[0].budget_us = hurried.items[1].budget_us = 5;
  auto all_five = encoded(hurried);
  REQUIRE(all_five.budget_us_size() == 1);
  CHECK(all_five.budget_us(0) == 5);
  auto batch = batch_of({item(16, "{}"), item(17, "{}")});
  batch.items[1].budget_us = 5;
  auto mixed = encoded(batch);
  CHECK(mixed.tool_all() == 0);
  REQUIRE(mixed.tool_size() == 2);
  CHECK(mixed.tool(1) == 17);
  REQUIRE(mixed.budget_us_size() == 2);
  CHECK(mixed.budget_us(0) == 0);
  CHECK(mixed.budget_us(1) == 5);
}

TEST_CASE("raw payloads are joined, their sizes told apart [D3]") {
  std::string binary("\0\xff\n", 3);
  auto out =
    encoded(batch_of({item(16, binary), item(16, ""), item(16, "ab")}, core::payload_kind::raw));
  CHECK(out.kind() == wire::PAYLOAD_KIND_RAW);
  CHECK(out.data() == binary + "ab");
  CHECK(std::vector<uint32_t>{out.size().begin(), out.size().end()}
        == std::vector<uint32_t>{3, 0, 2});
  CHECK(out.args().empty());
}

TEST_CASE("attachments and context go with the call they are of [D3][B5]") {
  std::vector<std::string> attachments{"one", "two"}, none;
  call_options options;
  options.session = "s";
  options.correlation_id = "c";
  options.traceparent = "t";
  auto batch = batch_of({item(16, "{}"), item(16, "{}"), item(16, "{}")});
  batch.items[0].attachments = &none;
  batch.items[1].attachments = &attachments;
  batch.items[2].options = &options;
  auto out = encoded(batch);
  REQUIRE(out.attachments_size() == 1);
  CHECK(out.attachments(0).index() == 1);
  REQUIRE(out.attachments(0).data_size() == 2);
  CHECK(out.attachments(0).data(1) == "two");
  REQUIRE(out.context_size() == 1);
  CHECK(out.context(0).index() == 2);
  CHECK(out.context(0).session() == "s");
  CHECK(out.context(0).correlation_id() == "c");
  CHECK(out.context(0).traceparent() == "t");
}

TEST_CASE("nothing of one batch is left in the next [D1]") {
  batch_encoder encoder;
  std::vector<std::string> attachments{std::string(5 << 20, 'a')};
  call_options options;
  options.session = "s";
  auto rich = batch_of({item(1, "x"), item(2, "")}, core::payload_kind::raw);
  rich.items[0].budget_us = 1;
  rich.items[0].attachments = &attachments;
  rich.items[0].options = &options;
  auto plain = batch_of({item(16, "{}")});
  auto want = batch_encoder{}.encode(plain);
  for (auto size : {1, 5 << 20}) {
    attachments[0].resize(static_cast<size_t>(size), 'a');
    REQUIRE(encoder.encode(rich));
    auto got = encoder.encode(plain);
    REQUIRE(got);
    CHECK(*got == *want);
  }
}

TEST_CASE("a shutdown tells its grace, cut to what the field holds [R7]") {
  auto grace = [](std::chrono::milliseconds x) {
    return parsed<wire::HostFrame>(encode_shutdown(x)).shutdown().grace_ms();
  };
  CHECK(grace(1500ms) == 1500);
  CHECK(grace(-1ms) == 0);
  CHECK(grace(std::chrono::hours{24 * 365}) == UINT32_MAX);
  CHECK(parsed<wire::HostFrame>(encode_shutdown(0ms)).has_shutdown());
}

TEST_CASE("an exception arrives with its frames and causes [Y2]") {
  wire::Error x;
  x.set_reason("python_exception");
  x.set_message("bad");
  x.set_retryable(true);
  (*x.mutable_details())["tool"] = "parse";
  x.mutable_python()->set_type("ValueError");
  x.mutable_python()->set_message("bad");
  auto& frame = *x.mutable_python()->add_frames();
  frame.set_file("a.py");
  frame.set_line(3);
  frame.set_function("f");
  frame.set_text("raise ValueError");
  x.mutable_python()->mutable_cause()->set_type("KeyError");
  auto out = decode_error(x.SerializeAsString());
  CHECK(out.reason == reason::python_exception);
  CHECK(out.message == "bad");
  CHECK(!out.retryable); // the table says no
  CHECK(out.details == std::map<std::string, std::string>{{"tool", "parse"}});
  REQUIRE(out.python);
  CHECK(out.python->type == "ValueError");
  CHECK(out.python->message == "bad");
  REQUIRE(out.python->frames.size() == 1);
  CHECK(out.python->frames[0].file == "a.py");
  CHECK(out.python->frames[0].line == 3);
  CHECK(out.python->frames[0].function == "f");
  CHECK(out.python->frames[0].text == "raise ValueError");
  REQUIRE(out.python->cause);
  CHECK(out.python->cause->type == "KeyError");
  CHECK(!out.python->cause->cause);
}

TEST_CASE("an exception that is too long or too deep is cut, not refused [S5]") {
  auto out = decode_error(large_error().SerializeAsString());
  CHECK(out.reason == reason::python_exception);
  CHECK(out.message.size() <= max_error_text_bytes);
  CHECK(out.message.ends_with(" [cut]"));
  CHECK(out.details.size() == max_error_details);
  REQUIRE(out.python);
  REQUIRE(out.python->frames.size() == max_frames);
  CHECK(out.python->frames.front().line == 0); // both ends are kept
  CHECK(out.python->frames.back().line == 999);
  size_t causes = 0;
  for (auto* x = out.python->cause.get(); x; x = x->cause.get())
    ++causes;
  CHECK(causes == max_causes);
}

TEST_CASE("text is cut between characters [S5]") {
  wire::Error x;
  x.set_reason("internal");
  for (size_t shift = 0; shift < 4; ++shift) {
    auto text = std::string(shift, 'x');
    while (text.size() <= max_error_text_bytes)
      text += "\u00e4";
    x.set_message(text);
    auto message = decode_error(x.SerializeAsString()).message;
    wire::Error again;
    again.set_message(message);
    CHECK(again.ParseFromString(again.SerializeAsString())); // checks UTF-8
  }
}

TEST_CASE("an unknown reason is a protocol error that keeps the word [S5]") {
  wire::Error x;
  x.set_reason("sunspots");
  x.set_message("what the worker said");
  x.set_retryable(true);
  auto out = decode_error(x.SerializeAsString());
  CHECK(out.reason == reason::protocol_error);
  CHECK(out.message == "what the worker said");
  CHECK(out.details.at("reason") == "sunspots");
  CHECK(!out.retryable);
  CHECK(decode_error("\xff\xff").reason == reason::protocol_error);
}

TEST_CASE("a frame on the control stream is an answer, something unknown, or malformed [W6]") {
  auto frame = wire::WorkerFrame{};
  CHECK(decode_worker_frame(frame.SerializeAsString()).value() == 0);
  frame.mutable_heartbeat()->set_nonce(UINT64_MAX);
  auto whole = frame.SerializeAsString();
  CHECK(decode_worker_frame(whole).value() == UINT64_MAX);
  auto cut_off = decode_worker_frame(std::string_view{whole}.substr(0, whole.size() - 1));
  REQUIRE(!cut_off);
  CHECK(cut_off.error().reason == reason::protocol_error);
  CHECK(parsed<wire::HostFrame>(encode_heartbeat(7)).heartbeat().nonce() == 7);
}

TEST_CASE("batches of several lanes are one message when they stand behind each other [W5]") {
  std::string joined;
  for (uint32_t lane = 0; lane < 300; ++lane) {
    auto text = std::string(lane, ' ') + "1";
    auto x = batch_of({item(16, text)});
    x.lane = lane;
    x.first_seq = lane + 1;
    joined += wrap_batch(batch_encoder{}.encode(x).value());
  }
  auto message = parsed<wire::Batch>(joined);
  CHECK(message.count() == 0);
  REQUIRE(message.others_size() == 300);
  for (int lane = 0; lane < 300; ++lane) {
    auto& x = message.others(lane);
    CHECK(x.lane() == static_cast<uint32_t>(lane));
    CHECK(x.first_seq() == static_cast<uint64_t>(lane) + 1);
    CHECK(x.args().size() == static_cast<size_t>(lane) + 3);
  }
}

TEST_CASE("Hello says how lanes run [W5]") {
  auto profile = [](bool threads, bool on_loop) {
    auto x = core::hello{};
    x.threads = threads;
    x.on_loop = on_loop;
    return parsed<wire::HelloRequest>(encode_hello(x)).profile();
  };
  CHECK(profile(false, false) == wire::PROFILE_PROCESS);
  CHECK(profile(true, false) == wire::PROFILE_THREAD);
  CHECK(profile(false, true) == wire::PROFILE_ASYNC);
}
