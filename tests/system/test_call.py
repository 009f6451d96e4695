"""`snakepit call`: results, arguments, exit codes [E4]."""

import json
import os
import signal
import subprocess

import pytest
from host import ADAPTERS, MISBEHAVE, eventually


def test_result_is_json_on_stdout_and_nothing_else(host):
    """[E4]"""
    got = host.call("add", "a=2", "b=3")
    assert (got.code, got.out, got.err) == (0, "5\n", "")


@pytest.mark.parametrize(
    "words, expected",
    [
        (["value=1"], 1),
        (["value=1.5"], 1.5),
        (["value=true"], True),
        (["value=null"], None),
        (["value=hello world"], "hello world"),
        (["value="], ""),
        (['value="1"'], "1"),
        (["value=[1, {\"a\": null}]"], [1, {"a": None}]),
        (['{"value": "grüße"}'], "grüße"),
        (["[1, 2]"], [1, 2]),
        (["18446744073709551615"], 18446744073709551615),
        (['{"value": {"$": ["base64", "aGVsbG8="]}}'], {"$": ["base64", "aGVsbG8="]}),
        (['{"value": {"$": ["map", {"$": 1}]}}'], {"$": ["map", {"$": 1}]}),
    ],
)
def test_arguments_arrive_as_they_were_meant(host, words, expected):
    """[E4] [D1]"""
    got = host.call("echo", *words)
    assert got.code == 0, got
    assert got.json == expected


def test_arguments_come_from_a_file_or_from_stdin(host):
    """[E4]"""
    path = host.file("arguments.json", '{"a": 1, "b": 2}')
    assert host.call("add", "@" + path).json == 3
    assert host.call("add", "-", stdin='{"a": 5, "b": 5}').json == 10


def test_the_order_of_keys_is_kept(host):
    """[D1]"""
    got = host.call("echo", '{"value": {"z": 1, "a": 2}}')
    assert list(got.json) == ["z", "a"]


def test_relative_path_of_an_adapter(host):
    """[E4]"""
    host.file("mine.py", "def double(x: int) -> int:\n    return 2 * x\n")
    assert host.run("call", "./mine.py", "double", "x=4").json == 8
    assert host.run("call", "mine.py", "double", "x=4").json == 8


def test_a_class_that_is_named(host):
    """[E4]"""
    got = host.run("call", f"{ADAPTERS}/numpy_stats.py:Stats", "summary", "numbers=[1, 2, 3, 4]")
    assert got.code == 0, got
    assert got.json["mean"] == 2.5
    assert got.json["count"] == 4


@pytest.mark.parametrize(
    "arguments, says",
    [
        ([], "subcommand"),
        (["call"], "ADAPTER"),
        (["nonsense"], "nonsense"),
        (["config", "nonsense"], "no command `nonsense` (see `snakepit config --help`)"),
        (["call", MISBEHAVE], "(see `snakepit call --help`)"),
        (["call", MISBEHAVE, "add", "a=1", "--nonsense"], "--nonsense"),
        (["call", MISBEHAVE, "add", '{"a": '], "not valid JSON"),
        (["call", MISBEHAVE, "add", "a=1", "oops"], "key=value"),
        (["call", MISBEHAVE, "add", "@none.json"], "none.json"),
        (["call", MISBEHAVE, "add", "a=1", "--timeout", "5"], "--timeout"),
        (["call", MISBEHAVE, "add", "a=1", "--affinity", "sticky"], "say hint, strict_queue or"),
        (["call", MISBEHAVE, "add", "a=1", "-n", "0"], "0"),
        (["call", MISBEHAVE, "add", "a=1", "-c", "none.yaml"], "none.yaml"),
        (["map", MISBEHAVE, "add", "--resume"], "--output"),
        (["map", MISBEHAVE, "add", "--input", "none.jsonl"], "none.jsonl"),
        (["map", MISBEHAVE, "add", "--output", "/"], "/"),
        (["map", MISBEHAVE, "add", "--on-error", "cry"], "cry"),
    ],
)
def test_wrong_usage_is_exit_2_in_one_line(host, arguments, says):
    """[E4]"""
    got = host.run(*arguments)
    assert got.code == 2, got
    assert got.out == ""
    assert got.err.startswith("snakepit: ") and got.err.count("\n") == 1
    assert says in got.err
    as_json = host.run(*arguments, "--json")
    assert as_json.code == 2
    assert as_json.error["category"] == "validation"


def test_a_python_exception_shows_its_traceback(host):
    """[E4]"""
    got = host.call("raise_error", "message=broken")
    assert got.code == 1
    assert got.out == ""
    first, *rest = got.err.splitlines()
    assert first.startswith("snakepit: python_exception: ")
    assert "ValueError" in first and "broken" in first
    text = "\n".join(rest)
    assert "Traceback (most recent call last):" in text
    assert "misbehave.py" in text and "raise ValueError(message) from cause" in text
    assert text.index("KeyError") < text.index("direct cause") < text.rindex("ValueError")


def test_an_error_as_json(host):
    """[E4]"""
    got = host.call("raise_error", "message=broken", "--json")
    assert got.code == 1
    assert got.err == ""
    error = got.error
    assert (error["category"], error["reason"]) == ("python", "python_exception")
    assert error["retryable"] is False
    assert error["python"]["type"] == "ValueError"
    assert error["python"]["message"] == "broken"
    assert error["python"]["traceback"]


def test_a_session_has_its_affinity_said_by_a_word(host):
    """[B3]"""
    got = host.call("add", "a=1", "b=2", "--session", "s", "--affinity", "strict_fail_fast")
    assert (got.code, got.json) == (0, 3), got


def test_a_call_that_takes_too_long_is_exit_4(host):
    """[E4] [Q2]"""
    got = host.call("sleep", "seconds=60", "--timeout", "300ms", "--json")
    assert got.code == 4, got
    assert got.error["reason"] == "deadline_exceeded"


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_running_call(host, number, code):
    """[E4] [Q4]"""
    marker = host.work / "runs"
    host.file("slow.py", f"import time\ndef slow():\n    open({str(marker)!r}, 'w')\n    time.sleep(60)\n")
    it = host.start("call", "./slow.py", "slow")
    assert eventually(60, marker.exists)
    it.send_signal(number)
    out, err = it.communicate(timeout=30)
    assert (it.returncode, out, err) == (code, b"", b"")


def test_a_signal_ends_a_start_that_hangs(host):
    """[E4] [P2]"""
    host.file("hangs.py", "import time\ntime.sleep(1000)\ndef f(): pass\n")
    it = host.start("call", "./hangs.py", "f")
    assert eventually(60, host.workers)
    it.send_signal(signal.SIGINT)
    it.communicate(timeout=30)
    assert it.returncode == 130


def test_the_second_signal_ends_at_once(host):
    """[E4]"""
    marker = host.work / "runs"
    host.file(
        "stuck.py",
        "import signal, time\n"
        "from snakepit_bridge import tool\n"
        "@tool(interrupt=False)\n"
        "def stuck():\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"    open({str(marker)!r}, 'w')\n"
        "    time.sleep(60)\n",
    )
    it = host.start("call", "./stuck.py", "stuck")
    assert eventually(60, marker.exists)
    it.send_signal(signal.SIGINT)
    it.send_signal(signal.SIGTERM)
    it.communicate(timeout=30)
    assert it.returncode in (143, 130)
    eventually(5, lambda: not host.processes())
    for folder in host.run_dir.iterdir():  # nobody was left to remove it; the next run does
        assert list(folder.iterdir()) == []
        folder.rmdir()
    assert host.run("cleanup", "--json").json["ledgers"] <= 1  # nor its ledger


def test_stdout_that_is_closed_is_exit_141_without_a_word(host):
    """[E4]"""
    read, write = os.pipe()
    os.close(read)
    got = host.call("add", "a=1", stdout=write)
    os.close(write)
    assert (got.code, got.err) == (141, "")


@pytest.mark.parametrize("command", ["call", "map"])
def test_what_the_caller_has_closed_is_not_taken_for_a_standard_stream(host, command):
    """[E4] Else the next thing opened would have its number, and be read or written to."""

    def run(*closed):
        return host.run(
            command, MISBEHAVE, "add", *(["-"] if command == "call" else []),
            stdin='{"a": 1}', preexec_fn=lambda: [os.close(fd) for fd in closed],
        )

    got = run(1)
    assert (got.code, got.err[:33]) == (1, "snakepit: cannot write to stdout:")
    got = run(0)
    assert got.code != 0
    assert "snakepit: " in got.err
    got = run(2)
    assert (got.code, got.out) == (0, "2\n")


def test_a_full_disk_is_named(host):
    """[E4]"""
    with open("/dev/full", "w") as full:
        got = host.call("add", "a=1", stdout=full)
    assert got.code == 1
    assert got.err == "snakepit: cannot write to stdout: No space left on device\n"


def test_what_a_tool_prints_goes_to_stderr_unless_quiet(host):
    """[W8] [E4]"""
    got = host.call("say", "text=hello")
    assert got.out == '"hello"\n'
    lines = got.err.splitlines()
    assert any(line.endswith("hello") for line in lines), got
    assert any(line.endswith("hello to stderr") for line in lines), got
    quiet = host.call("say", "text=hello", "--quiet")
    assert (quiet.out, quiet.err) == ('"hello"\n', "")


def test_the_pool_of_the_configuration_is_used(host):
    """[E3] [E4]"""
    path = host.file(
        "pools.yaml",
        "python: {env: {GREETING: hello}}\n"
        "pools:\n"
        "  - {name: one, adapter: nothing, workers: 1}\n"
        "  - {name: two, adapter: nothing, workers: 1}\n",
    )
    host.file("mine.py", "import os\ndef f():\n    return os.environ['GREETING']\n")
    assert host.run("call", "./mine.py", "f", "-c", path, "--pool", "two").json == "hello"
    which = host.run("call", "./mine.py", "f", "-c", path)
    assert which.code == 1 and "one, two" in which.err
    unknown = host.run("call", "./mine.py", "f", "-c", path, "--pool", "three", "--json")
    assert unknown.error["reason"] == "pool_not_found"


def test_version(host):
    """[E4]"""
    text = host.run("version").out
    assert text.startswith("snakepit ")
    assert host.run("version", "--json").json == {"version": text.split()[1]}


@pytest.mark.parametrize("command", [[], ["call"], ["map"], ["doctor"], ["config"], ["version"]])
def test_help_fits_a_screen(host, command):
    """[E4]"""
    got = host.run(*command, "--help")
    assert got.code == 0
    lines = got.out.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100


def test_no_terminal_no_escape_sequences(host):
    """[E4]"""
    got = host.map("add", stdin='{"a": 1}\n' * 100)
    assert "\x1b" not in got.err and "\r" not in got.err


def test_a_receipt_is_told_on_stderr(host):
    """[T7] [E4]"""
    got = host.call("add", "a=2", "b=3", "--receipt")
    assert (got.code, got.out) == (0, "5\n")
    assert got.err.startswith("snakepit: receipt: queue ") and ", worker 0." in got.err
    got = host.call("add", "a=2", "b=3", "--receipt", "--json")
    assert (got.code, got.out) == (0, "5\n")
    receipt = json.loads(got.err)["receipt"]
    assert receipt["bytes_out"] == 1 and receipt["attempt"] == 1 and receipt["generation"] == 1
    assert receipt["memory_growth_bytes"] is None
