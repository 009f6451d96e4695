"""The thread that watches what the main thread cannot: the host's life, and signals that got lost.

It also writes down the stacks of all threads when the host asks for them. It never runs code of a tool: a
signal that comes here cuts no wait of a tool short, so the host knows it by its name.

Python runs a signal's handler on the main thread, but the system may give the signal to any other,
and then nothing wakes a main thread that waits; nor does a signal that came between the last look of
the interpreter and its wait. Either way the handler would run when the wait is over, which may be
never. Python's C handler writes each signal's number to the wakeup descriptor at once, whatever thread
it is on; this thread reads that and nudges the main thread with a signal of its own, which makes a
wait look for handlers to run.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from types import FrameType
from typing import Callable, FrozenSet, List, Optional

from . import _process, _stacks

NUDGE = signal.SIGRTMIN + 3
#: Seconds after a signal. Once would do but for a machine so busy that the main thread still has
#: not begun to wait.
NUDGES = (0.001, 0.02, 0.2)


class Watch(threading.Thread):
    """Started on the main thread. `urgent`: the signals whose handlers must run."""

    def __init__(
        self,
        side: socket.socket,
        urgent: FrozenSet[int],
        on_end: Callable[[], object],
        on_signal: Callable[[], object],
    ) -> None:
        """on_signal: called here, on this thread, after an urgent one."""
        super().__init__(name="snakepit-watch", daemon=True)
        self._side = side
        self._urgent = urgent
        self._on_end = on_end
        self._on_signal = on_signal
        self._main = threading.main_thread().ident or 0
        self._due: List[float] = []
        self._wakes, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(NUDGE, _ignore)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)

    def run(self) -> None:
        _process.name_thread("snakepit-watch")
        try:
            self._watch()
        except OSError:
            self._on_end()  # a tool has closed our descriptors: nobody can watch any more

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._side, select.POLLIN)
        poll.register(self._wakes, select.POLLIN)
        while True:
            wait = max(0.0, self._due[0] - time.monotonic()) * 1000 + 1 if self._due else None
            for fd, events in poll.poll(wait):
                if fd == self._wakes:
                    self._read_signals()
                else:
                    self._read_side(events)
            if self._due and self._due[0] <= time.monotonic():
                del self._due[0]
                signal.pthread_kill(self._main, NUDGE)

    def _read_side(self, events: int) -> None:
        packet = self._side.recv(65536)
        word, _, number = packet.partition(b" ")
        if word == b"look":
            # With the GIL, so that no stack changes under it; that it can be had is a part of the answer.
            _stacks.write()
            try:
                self._side.send(b"here " + number, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
        # An empty packet is not the end.
        elif not packet and events & (select.POLLHUP | select.POLLRDHUP):
            self._on_end()

    def _read_signals(self) -> None:
        if self._urgent.intersection(os.read(self._wakes, 4096)):
            now = time.monotonic()
            self._due = [now + after for after in NUDGES]
            self._on_signal()


def _ignore(_number: int, _frame: Optional[FrameType]) -> None:
    """That it comes is all."""
