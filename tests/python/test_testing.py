"""What authors of adapters use in their own tests."""

import pytest

from snakepit_bridge import Adapter, current, testing, tool


class Greeter(Adapter):
    state = "new"

    def initialize(self):
        self.state = "initialized"

    def cleanup(self):
        self.state = "cleaned up"

    @tool
    def greet(self, name: str, times: int = 1) -> str:
        return f"hello {name}" * times

    @tool
    def raw(self, data: bytes) -> bytes:
        return data + b"!"

    @tool
    def bad(self):
        return {1, 2}

    @tool
    def fail(self):
        raise KeyError("k")

    @tool
    def where(self):
        c = current()
        return [c.session, c.attempt, c.correlation_id, c.time_left() is not None]


def failure_of(attempt):
    with pytest.raises(testing.CallFailed) as caught:
        attempt()
    return caught.value


def test_an_adapter_is_run_from_initialize_to_cleanup_Y6():
    with testing.run(Greeter) as greeter:
        assert greeter.adapter.state == "initialized"
        assert greeter.call("greet", name="Ada") == "hello Ada"
    assert greeter.adapter.state == "cleaned up"


def test_cleanup_runs_after_a_failed_test_too_Y6():
    with pytest.raises(ZeroDivisionError):
        with testing.run(Greeter) as greeter:
            1 / 0
    assert greeter.adapter.state == "cleaned up"


def test_arguments_and_results_go_through_codec_and_schema_Y6():
    with testing.run(Greeter) as greeter:
        assert greeter.tools[0] == "greet" and greeter.schema("greet")["required"] == ["name"]
        assert greeter.call_raw("raw", b"x") == b"x!"
        assert greeter.call("raw", data=b"y") == b"y!"
        assert failure_of(lambda: greeter.call("greet", name=1)).reason == "schema_mismatch"
        assert failure_of(lambda: greeter.call("greet")).reason == "schema_mismatch"
        assert failure_of(lambda: greeter.call("greet", name="a", x=1)).details["path"] == "$.x"
        assert failure_of(lambda: greeter.call("greet", name={1: 2})).reason == "invalid_argument"
        assert failure_of(lambda: greeter.call("bad")).reason == "unserializable"
        assert failure_of(lambda: greeter.call_raw("greet", b"")).reason == "invalid_argument"
        assert failure_of(lambda: greeter.call_raw("fail", b"")).reason == "invalid_argument"
        assert "greet" in failure_of(lambda: greeter.call("nope")).message


def test_what_a_tool_raises_is_described_Y6():
    with testing.run(Greeter) as greeter:
        failed = failure_of(lambda: greeter.call("fail"))
        assert (failed.reason, failed.python.type) == ("python_exception", "KeyError")
        assert failed.python.frames[-1].function == "fail"


def test_a_call_may_carry_what_callers_say_Y6():
    with testing.run(Greeter) as greeter:
        found = greeter.call_with("where", {}, timeout=5, session="s", attempt=2, correlation_id="c")
        assert found == ["s", 2, "c", True]
        assert greeter.call("where") == ["", 1, "", False]


def test_an_adapter_may_be_named_as_text_Y6(tmp_path):
    (tmp_path / "small.py").write_text("def twice(x: int): return 2 * x\n")
    with testing.run(f"{tmp_path}/small.py") as small:
        assert small.call("twice", x=3) == 6


def test_a_limit_on_payloads_holds_Y6():
    with testing.run(Greeter, payload_bytes=100) as greeter:
        assert failure_of(lambda: greeter.call("greet", name="x" * 200)).reason == "too_large"
        assert failure_of(lambda: greeter.call("greet", name="x", times=50)).reason == "too_large"
