"""Real signals into a lane in this process, at moments of all kinds."""

import asyncio
import mmap
import os
import random
import signal
import warnings

import pytest

from storm_tools import StormTools

from snakepit_bridge import _page, _tools, tool
from snakepit_bridge._batch import Batch
from snakepit_bridge._lane import Lane, Limits

NUMBER = signal.SIGRTMIN + 1
CALLS = 64
CAPACITY = 100 * CALLS
#: A word of the page that the lane has no use for. Notes of the calls fill a section of their own.
OVER = 32


class Tools(StormTools):
    @tool
    async def later(self):
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def _is_pending(status):
    """Whether a process has yet to handle one of the signals."""
    pending = os.pread(status, 8192, 0).partition(b"ShdPnd:\t")[2]
    return int(pending[:16], 16) >> (NUMBER - 1) & 1


def send_signals(memory, parent):
    """In a process of its own: signals all the time, for the call that runs, for its neighbours and
    for none. Each wanted call is noted in a word of the page that nobody else uses."""
    words, notes = _page.words(memory, 0), _page.words(memory, 1)
    status = os.open(f"/proc/{parent}/status", os.O_RDONLY)
    while not words[OVER]:
        # Real-time signals queue: faster than they are handled, they would leave no step to others.
        while _is_pending(status) and not words[OVER]:
            pass
        number = max(1, words[_page.CLAIMED] + random.choice((-1, 0, 0, 0, 1)))
        notes[number] = number
        words[_page.CANCEL] = number
        for _ in range(random.randrange(4)):
            os.kill(parent, NUMBER)
        for _ in range(random.randrange(100)):
            pass


@pytest.mark.parametrize("name", ["nothing", "work", "fail", "encode_much", "later"])
def test_no_signal_raises_outside_of_the_call_it_is_meant_for_Q3(name):
    memory = memoryview(mmap.mmap(-1, 2 * _page.SECTION_SIZE))
    words, notes = _page.words(memory, 0), _page.words(memory, 1)
    words[_page.LIMIT] = words[_page.ACKED] = _page.NO_LIMIT
    lane = Lane(words, Limits(), lambda finals: finals, lambda finals: b"one")
    for spec in _tools.of_class(Tools):
        lane.add(spec, Tools())
    number = next(x.number for x in _tools.of_class(Tools) if x.name == name)
    before = signal.getsignal(NUMBER)
    lane.install(NUMBER)
    sender = os.fork()
    if sender == 0:
        try:
            send_signals(memory, os.getppid())
        finally:
            os._exit(0)
    found = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of coroutines that were never begun
            for first in range(1, CAPACITY, CALLS):
                batch = Batch(first, CALLS, tool_all=number, args=b"[%s{}]" % (b"{}," * (CALLS - 1)))
                for finals in lane.run(batch):
                    for index in range(len(finals.size)):
                        failure = finals.failures.get(index)
                        found[finals.first_seq + index] = failure.reason if failure else "result"
    finally:
        words[OVER] = 1
        os.waitpid(sender, 0)
        signal.signal(NUMBER, before)
    usual = "python_exception" if name == "fail" else "result"
    cancelled = [seq for seq, reason in found.items() if reason == "cancelled"]
    print(f"{name}: {len(cancelled)} calls cancelled")
    assert len(found) == CAPACITY and set(found.values()) <= {usual, "cancelled"}
    assert all(notes[seq] == seq for seq in cancelled)
    # The shortest are over too soon to be hit for sure.
    assert cancelled or name in ("nothing", "work", "fail")
