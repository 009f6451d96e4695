"""Interrupting calls in a real worker."""

import ctypes
import os
import random
import time

import pytest

from host import CANCEL, CLAIMED, DONE, INTERRUPT, TIMEOUT, Failed, Worker, eventually

WAYS = [
    "sleep",
    "recv",
    "lock",
    "event",
    "process",
    "regex",
    "spin",
    "callback",
    "later",
    "blocked_later",
    "blocked_task",
    "stubborn",
]


@pytest.fixture(scope="module")
def worker():
    with Worker("adapters.stuck:Stuck") as started:
        yield started.start()


def start(worker, tool, **arguments):
    """Begins a call and returns its number when the worker has claimed it."""
    seq = worker.submit(tool, arguments)
    eventually(lambda: worker.words[CLAIMED] == seq)
    return seq


def cancelled(worker, seq):
    worker.cancel(seq)
    return worker.finals(1)[seq]


@pytest.mark.parametrize("way", WAYS)
def test_a_stuck_tool_is_freed_by_a_signal_and_the_lane_goes_on_Q3(worker, way):
    pid = worker.pid
    # Both before and after the tool has got stuck; but a task that is begun by a cancelled call
    # may be the next to run, and is then stuck for good.
    for delay in (0.05,) if way == "blocked_task" else (0.0, 0.05):
        seq = start(worker, way)
        time.sleep(delay)
        final = cancelled(worker, seq)
        assert isinstance(final, Failed) and final.error.reason == "cancelled", final
        assert final.error.category == "cancelled"
        assert worker.call("ok", x=5) == 5
        assert worker.call("work_later", n=3) == 3
    assert worker.pid == pid and worker.is_alive()


def test_the_error_of_an_interrupted_call_shows_where_it_was_Q3(worker):
    seq = start(worker, "spin")
    time.sleep(0.02)
    error = cancelled(worker, seq).error
    assert error.python.frames[-1].function == "spin"
    assert "interrupted" in error.message


def test_a_tool_that_swallows_the_interrupt_gives_its_result_Q3(worker):
    seq = start(worker, "swallow")
    time.sleep(0.05)
    assert cancelled(worker, seq) is True


def test_a_signal_that_another_thread_got_frees_the_tool_too_Q3(worker):
    """The system may choose any thread; the main thread then knows nothing of it."""
    seq = start(worker, "sleep")
    time.sleep(0.05)
    worker.words[CANCEL] = seq
    others = [int(x) for x in os.listdir(f"/proc/{worker.pid}/task") if int(x) != worker.pid]
    tgkill = {"x86_64": 234, "aarch64": 131}[os.uname().machine]
    assert ctypes.CDLL(None).syscall(tgkill, worker.pid, others[0], int(INTERRUPT)) == 0
    assert worker.finals(1)[seq].error.reason == "cancelled"


def test_a_tool_that_must_not_be_interrupted_is_not_Q3(worker):
    seq = start(worker, "not_interrupted", seconds=0.2)
    time.sleep(0.05)
    assert cancelled(worker, seq) == "done"


def test_a_tool_that_raises_cancelled_by_itself_was_not_cancelled_Q3(worker):
    assert worker.error_of("raise_cancelled").reason == "python_exception"


def test_a_signal_for_another_number_does_nothing_Q3(worker):
    seq = start(worker, "not_interrupted", seconds=0.01)
    worker.finals(1)
    seq = worker.submit("work", {"n": 20_000})
    for number in (0, seq - 1, seq + 1, 1 << 63):
        worker.cancel(number)
    assert isinstance(worker.finals(1)[seq], int)


def test_a_cancelled_call_in_a_batch_leaves_the_others_alone_Q3(worker):
    seq = worker.submit("not_interrupted", {"seconds": 0.1}, {"seconds": 0.0}, {"seconds": 0.0})
    worker.cancel(seq + 1)
    finals = worker.finals(3)
    assert finals[seq] == finals[seq + 2] == "done"
    assert finals[seq + 1].error.reason == "cancelled"


@pytest.mark.parametrize("tool", ["work", "fail", "work_later"])
def test_a_storm_of_signals_hits_only_what_it_is_meant_for_Q3(worker, tool):
    """Signals at every moment of short calls, for the running number, the one before and none. A
    Cancelled that got out of its call would end the worker or fail a neighbour."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    wanted = set()
    for _ in range(40):
        first = worker.submit(tool, *[{"n": rng.randrange(60)} for _ in range(50)])
        last = first + 49
        until = time.monotonic() + TIMEOUT
        while worker.words[DONE] < last:
            worker.assert_lives()
            assert time.monotonic() < until, worker.stderr.text
            number = max(first, worker.words[CLAIMED]) + rng.choice((-1, 0, 0, 1))
            if rng.random() < 0.5:
                wanted.add(number)
                worker.words[CANCEL] = number
            if not worker.is_pending(INTERRUPT):
                worker.signal(INTERRUPT)
        worker.words[CANCEL] = 0
        for number, final in worker.finals(50).items():
            reason = final.error.reason if isinstance(final, Failed) else "result"
            usual = "python_exception" if tool == "fail" else "result"
            assert reason == usual or (reason == "cancelled" and number in wanted), (number, final)
    assert worker.call("ok", x=1) == 1
    if tool != "work_later":  # there Python warns of coroutines that were never begun
        assert worker.stderr.text == ""
