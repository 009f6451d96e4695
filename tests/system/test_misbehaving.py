"""Tools that do what no tool should: their call fails or not, the next one works [Y2] [W8] [W9]."""

import json
import signal

import pytest
from host import MISBEHAVE_FOLDER


def two_calls(host, tool, arguments, *options):
    """Runs a tool and then another in the same worker pool of one; the results of both."""
    lines = [{"which": tool, "arguments": arguments}, {"which": "process", "arguments": {}}]
    text = "".join(json.dumps(x) + "\n" for x in lines)
    host.file(
        "both.py",
        "import sys\n"
        f"sys.path.insert(0, {MISBEHAVE_FOLDER!r})\n"
        "import misbehave\n"
        "def both(which: str, arguments: dict):\n"
        "    return getattr(misbehave, which)(**arguments)\n",
    )
    got = host.run("map", "./both.py", "both", "-n", "1", *options, stdin=text)
    assert len(got.lines) == 2, got
    return got, *got.lines


@pytest.mark.parametrize(
    "tool, type_name",
    [
        ("raise_error", "ValueError"),
        ("call_exit", "SystemExit"),
        ("raise_system_exit", "SystemExit"),
        ("raise_interrupt", "KeyboardInterrupt"),
        ("recurse", "RecursionError"),
    ],
)
def test_an_exception_of_any_kind_fails_its_call_alone(host, tool, type_name):
    """[Y2]"""
    got, bad, good = two_calls(host, tool, {})
    assert bad["error"]["reason"] == "python_exception", got
    assert bad["error"]["python"]["type"] == type_name
    assert isinstance(good, int)


@pytest.mark.parametrize(
    "tool, arguments, says",
    [
        ("leave", {"code": 3}, "exit 3"),
        ("leave", {"code": 0}, "exit 0"),
        ("die", {"signal": signal.SIGSEGV}, "SIGSEGV"),
        ("die", {"signal": signal.SIGABRT}, "SIGABRT"),
        ("die", {"signal": signal.SIGKILL}, "SIGKILL"),
    ],
)
def test_a_worker_that_dies_fails_its_call_alone(host, tool, arguments, says):
    """[W9] [Q7]"""
    got, bad, good = two_calls(host, tool, arguments)
    error = bad["error"]
    assert error["reason"] == "worker_crashed", got
    assert error["certificate"]["cause"].endswith(says), error
    assert isinstance(good, int)


@pytest.mark.parametrize("tool", ["close_stdout", "close_all", "leave_thread"])
def test_what_does_no_harm_succeeds(host, tool):
    """[W8]"""
    got, first, good = two_calls(host, tool, {})
    assert "error" not in (first if isinstance(first, dict) else {}), got
    assert isinstance(good, int)


def test_a_grandchild_that_holds_the_output_delays_nothing_and_ends_with_the_worker(host):
    """[W8] [R5]"""
    got, child, good = two_calls(host, "leave_child", {"seconds": 1000})
    assert got.code == 0, got
    assert isinstance(child, int)


def test_much_output_does_not_touch_the_results(host):
    """[W8]"""
    got = host.call("flood", "lines=20000")
    assert (got.code, got.out) == (0, "20000\n")
    assert host.call("flood", "lines=20000", "--quiet").err == ""


def test_output_that_is_no_text_is_shown_all_the_same(host):
    """[W8]"""
    host.file(
        "binary.py", "import sys\ndef f():\n    sys.stdout.buffer.write(b'\\xff\\x00 end\\n')\n    return 1\n"
    )
    got = host.run("call", "./binary.py", "f")
    assert (got.code, got.out) == (0, "1\n")
    assert "end" in got.err


def test_a_tool_that_ignores_its_deadline_is_ended(host):
    """[Q2] [Q5]"""
    host.set(TIMEOUTS__CANCEL_GRACE="200ms")
    host.file(
        "stubborn.py",
        "import time\n"
        "from snakepit_bridge import tool\n"
        "@tool(interrupt=False)\n"
        "def stubborn(n: int):\n"
        "    if n == 1: time.sleep(1000)\n"
        "    return n\n",
    )
    got = host.run("map", "./stubborn.py", "stubborn", "-n", "1", "--timeout", "6s", stdin="0\n1\n2\n")
    assert got.code == 1
    first, second, third = got.lines
    assert (first, third) == (0, 2), got
    assert second["error"]["reason"] == "deadline_exceeded"
