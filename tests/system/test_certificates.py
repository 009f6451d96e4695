"""Why a worker died, or what it did when it had to be ended: in JSON, and for people [W9] [W6]."""

import json
import os
import pathlib
import signal

import pytest
from host import MISBEHAVE_FOLDER, eventually

DYING = f"{MISBEHAVE_FOLDER}/dying.py"


def failure(host, tool, *arguments, adapter=DYING):
    """The error of a call, as JSON; and what people get to see."""
    got = host.run("call", adapter, tool, *arguments, "--json")
    seen = host.run("call", adapter, tool, *arguments)
    assert got.code == seen.code != 0, (got, seen)
    return got.error, seen.err


def failure_with(good, host, tool, *arguments):
    """The same, once `good(error, seen)` or after ten calls: what a worker does at a deadline is told only
    if it can be found out within 50 ms, which may be too short on a busy machine."""
    for _ in range(10):
        error, seen = failure(host, tool, *arguments)
        if good(error, seen):
            break
    return error, seen


def functions(report):
    """What runs on the thread that says most, innermost last."""
    if not report:
        return []
    threads = [x for x in report["threads"] if x["runs_tool"]] or report["threads"][-1:]
    return [frame["function"] for frame in threads[0]["frames"]] if threads else []


@pytest.mark.parametrize(
    "tool, signal_name, sent_by, fatal",
    [
        ("segfault", "SIGSEGV", "the kernel for a fault", "Segmentation fault"),
        ("overflow", "SIGSEGV", "the kernel for a fault", "Segmentation fault"),
        ("abort", "SIGABRT", "its own code", "Aborted"),
        ("kill", "SIGKILL", "somebody unknown", None),
    ],
)
@pytest.mark.parametrize("spawn", ["exec", "template"])
def test_a_crash_is_explained_with_the_stack_at_that_moment(host, spawn, tool, signal_name, sent_by, fatal):
    """[W9]"""
    host.set(POOLS__default__SPAWN=spawn)
    error, seen = failure(host, tool)
    it = error["certificate"]
    assert error["reason"] == "worker_crashed"
    assert (it["cause"], it["signal_name"], it["phase"]) == (signal_name, signal_name, "ready")
    assert it["sent_by"].startswith(sent_by)
    assert it["oom"]["verdict"] in ("no", "unknown")
    assert it["running"][0]["tool"] == tool and it["running"][0]["call"] > 0
    assert it["calls_in_flight"] == 1 and it["max_rss_bytes"] > 1 << 20
    assert it["id"].endswith("/default/0.1")
    if fatal:
        assert it["stacks"]["fatal"] == fatal
        assert tool in [f["function"] for x in it["stacks"]["threads"] if x["current"] for f in x["frames"]]
        assert f"in {tool}" in seen
    assert f"died by {signal_name} while it ran `{tool}`" in seen
    assert f"cause: {signal_name}, sent by {sent_by}" in seen


def test_an_exit_is_told_with_its_code_and_last_words(host):
    """[W9]"""
    error, seen = failure(host, "leave", "code=3")
    it = error["certificate"]
    assert (it["cause"], it["exit_code"]) == ("exit 3", 3)
    assert it["last_stderr"] == "leaving now\n"
    assert "signal" not in it and "stacks" not in it
    assert "exited with code 3 while it ran `leave`" in seen


def test_a_kill_from_outside_is_not_ours(host):
    """[W9]"""
    it = host.start("call", DYING, "nap", "--json")
    assert eventually(60, lambda: host.workers() and "nap" in host.workers()[0][1] or host.workers())
    wait_for_tool(host)
    os.kill(host.workers()[0][0], signal.SIGKILL)
    out, _ = it.communicate(timeout=60)
    certificate = json.loads(out)["error"]["certificate"]
    assert certificate["cause"] == "SIGKILL" and "ended_by_us" not in certificate
    assert certificate["sent_by"].startswith("somebody unknown")


def wait_for_tool(host):
    """Until the worker sleeps for as long as only the tool does: its main thread is in a sleep."""

    def sleeps():
        for pid, _ in host.workers():
            try:
                call = pathlib.Path(f"/proc/{pid}/syscall").read_text().split()[0]
            except OSError:
                return False
            return call in ("35", "230", "115", "101")
        return False

    assert eventually(60, sleeps)


@pytest.mark.parametrize("tool", ["spin", "nap"])
def test_a_deadline_says_where_the_tool_was_and_the_worker_lives(host, tool):
    """[Q2] [W9]"""

    def told(error, seen):
        report = error.get("stacks")
        return functions(report)[-1:] == [tool] and not report["gil_held"] and f"in {tool}" in seen

    error, seen = failure_with(told, host, tool, "--timeout", "1s")
    assert error["reason"] == "deadline_exceeded"
    assert functions(error["stacks"])[-1] == tool
    assert error["stacks"]["gil_held"] is False
    assert error["details"]["certificate_id"].endswith("/default/0.1")
    assert "At the deadline the worker was here" in seen and f"in {tool}" in seen


def test_a_tool_that_cannot_be_interrupted_is_ended_under_the_id_that_was_told(host):
    """[Q2] [W9] One worker: the second call waits for the next one."""
    host.set(TIMEOUTS__CANCEL_GRACE="200ms", LOG__LEVEL="info")
    for _ in range(5):
        # The second one's deadline begins with the first one's end, and there must be a worker before it.
        got = host.run("map", DYING, "stubborn", "-n", "1", "--timeout", "3s", stdin="{}\n{}\n")
        first, second = (x["error"] for x in got.lines)
        if functions(first.get("stacks")) and "certificate_id" in second["details"]:
            break
    assert functions(first["stacks"])[-2:] == ["stubborn", "nap_for_ever"]
    ids = {x["details"]["certificate_id"] for x in (first, second)}
    assert len(ids) == 2
    assert "worker ended: ended by us: deadline" in got.err
    assert first["details"]["certificate_id"] in got.err


@pytest.mark.parametrize("tool", ["search", "hold"])
def test_a_gil_that_c_code_holds_is_named(host, tool):
    """[W6] [W9]"""
    host.set(TIMEOUTS__CANCEL_GRACE="200ms")

    def told(error, seen):
        report = error.get("stacks")
        named = tool in functions(report) and report["gil_held"]
        return named and "The GIL is held by C code called at" in seen

    error, seen = failure_with(told, host, tool, "--timeout", "1s")
    assert error["stacks"]["gil_held"]
    assert tool in functions(error["stacks"])
    assert "The GIL is held by C code called at" in seen


def test_a_stopped_worker_is_said_to_be_stopped(host):
    """[W9]"""
    host.set(TIMEOUTS__CANCEL_GRACE="200ms")

    def told(error, seen):
        return "is stopped" in error.get("stacks", {}).get("note", "") and "The process is stopped" in seen

    error, seen = failure_with(told, host, "stop", "--timeout", "1s")
    assert error["reason"] == "deadline_exceeded"
    assert "is stopped" in error["stacks"]["note"] and error["stacks"]["threads"] == []
    assert "The process is stopped" in seen


def test_a_worker_that_dies_in_its_import_says_where(host):
    """[W4] [W9]"""
    adapter = host.file("broken.py", "import ctypes\ndef burst():\n    ctypes.string_at(0)\nburst()\n")
    error, seen = failure(host, "any", adapter=adapter)
    it = error["certificate"]
    assert (it["cause"], it["phase"]) == ("SIGSEGV", "greeting")
    assert "in burst" in seen and "while it was loading and initializing its adapter" in seen


def test_a_worker_that_never_gets_ready_says_where_it_was(host):
    """[W4] [W9]"""
    adapter = host.file("slow.py", "import time\ndef wait():\n    time.sleep(1000)\nwait()\n")
    for limit in ("1500ms", "6s", "20s"):  # its template must have started before
        host.set(POOLS__default__START__TIMEOUT=limit)
        error, seen = failure(host, "any", adapter=adapter)
        if "in wait" in seen:
            break
    it = error["certificate"]
    assert it["ended_by_us"] == "start"
    assert "in wait" in seen


def _memory_group():
    """A control group of at most 200 MiB; none where none can be made."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = pathlib.Path(root) / f"snakepit-test-{os.getpid()}"
        try:
            group.mkdir()
            (group / limit).write_text(str(200 << 20))
            return group
        except OSError:
            if group.is_dir():
                group.rmdir()
    return None


def test_a_worker_that_the_kernel_kills_for_memory_says_so(host):
    """[W9] [W15]"""
    group = _memory_group()
    if group is None:
        pytest.skip("no control group can be made here")
    try:
        enter = lambda: (group / "cgroup.procs").write_text(str(os.getpid()))  # noqa: E731
        got = host.run("call", DYING, "use_memory", "megabytes=400", "--json", preexec_fn=enter)
        it = got.error["certificate"]
        if not (it["cause"] == "out of memory"):
            assert it["signal_name"] == "SIGKILL", it
        assert it["oom"]["verdict"] == "yes", it
        assert it["sent_by"] == "the kernel, for want of memory"
        assert "oom_kill" in (group / "memory.oom_control").read_text() if "memory" in str(group) else True
    finally:
        eventually(10, lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()
