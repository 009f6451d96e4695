"""Stacks that the host asks for, and those of a fatal signal."""

import contextlib
import ctypes
import os
import select
import signal
import time

import pytest

from host import CLAIMED, Worker, eventually
from template import ForkedWorker, Template

STACKS = signal.SIGRTMIN + 2
LIBC = ctypes.CDLL(None)
ADAPTER = "adapters.stacks"
WAYS = pytest.mark.parametrize("way", ["exec", "template"])


def written(worker):
    return os.pread(worker.stacks, 1 << 20, 0).decode()


def threads_of(worker):
    """Number and name of each."""
    folder = f"/proc/{worker.pid}/task"
    found = {}
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/comm") as file:
            found[file.read().strip()] = int(thread)
    return found


def ask(worker):
    """The stacks of a worker, its main thread's last. As the host does, by way of the watch thread."""
    os.ftruncate(worker.stacks, 0)
    thread = threads_of(worker)["snakepit-watch"]
    assert LIBC.tgkill(worker.pid, thread, STACKS) == 0
    return eventually(lambda: (text := written(worker)).endswith("in _run_module_as_main\n") and text)


@contextlib.contextmanager
def started(way="exec"):
    """A worker that was executed, or forked."""
    if way == "exec":
        with Worker(ADAPTER) as worker:
            yield worker.start()
    else:
        with Template() as template, ForkedWorker(template.ready(), ADAPTER) as worker:
            yield worker.start()


def begin(worker, tool, **arguments):
    seq = worker.submit(tool, arguments)
    eventually(lambda: worker.words[CLAIMED] == seq)


@WAYS
@pytest.mark.parametrize("tool, undisturbed", [("nap", b"true"), ("nap_in_c", b"0"), ("hold_gil", b"0")])
def test_the_host_sees_where_a_tool_is_and_disturbs_nothing_W9(way, tool, undisturbed):
    with started(way) as worker:
        begin(worker, tool, seconds=3)
        eventually(lambda: f"in {tool}\n" in ask(worker))
        for _ in range(5):
            assert "in enter\n" in ask(worker)
        assert worker.results().data == undisturbed


@WAYS
@pytest.mark.parametrize(
    "crash, text, ends",
    [
        ("segfault", "Segmentation fault", signal.SIGSEGV),
        ("abort", "Aborted", signal.SIGABRT),
        ("overflow", "Segmentation fault", signal.SIGSEGV),
    ],
)
def test_a_fatal_signal_leaves_the_stacks_W9(way, crash, text, ends):
    with started(way) as worker:
        worker.submit(crash, {})
        assert worker.wait() == -ends
        assert written(worker).startswith(f"Fatal Python error: {text}\n")
        assert f"in {crash}\n" in written(worker)


@pytest.mark.parametrize("tool", ["enable", "disable"])
def test_an_adapter_that_turns_faulthandler_on_or_off_loses_nothing_W9(tool):
    with started() as worker:
        worker.call(tool, **({"where": "stderr"} if tool == "enable" else {}))
        worker.submit("segfault", {})
        worker.wait()
        assert "in segfault\n" in written(worker)


def test_an_adapter_that_wants_crashes_in_a_file_of_its_own_has_them_and_that_is_said_W9(tmp_path):
    file = tmp_path / "crashes"
    with started() as worker:
        worker.call("enable", where=str(file))
        worker.submit("segfault", {})
        worker.wait()
        assert written(worker) == ""
        assert "in segfault\n" in file.read_text()
        assert "not into the report of the worker's end" in worker.stderr.finish()


def test_a_crash_of_a_process_that_a_tool_forked_is_not_the_workers_W9():
    with started() as worker:
        assert worker.call("crash_in_child") == -signal.SIGSEGV
        assert written(worker) == ""
        eventually(lambda: "Fatal Python error" in worker.stderr.text)


def test_the_watch_thread_writes_unless_the_gil_is_held_W6():
    with started() as worker:
        worker.side.send(b"look 1")
        assert worker.side.recv(100) == b"here 1"
        assert written(worker).endswith("in _run_module_as_main\n")  # complete by then
        begin(worker, "hold_gil", seconds=3)
        time.sleep(0.1)  # it claims its call a moment before it is in C
        worker.side.send(b"look 2")
        assert not select.select([worker.side], [], [], 0.3)[0]
        assert worker.side.recv(100) == b"here 2"  # as soon as it can
