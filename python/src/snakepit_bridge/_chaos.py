"""Faults that a worker makes on purpose, so that it can be seen what becomes of them.

They are put around the tools when the host says so in Hello; a worker without them does not know that
there are such. docs/configuration.md, `chaos`.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import random
import signal
import socket
import time
from typing import Any, Callable, Dict, List, NamedTuple, NoReturn

EXIT_CODE = 99
SLOW_SECONDS = (0.05, 0.2)
#: Of a call that no host has sent.
_NOBODYS = 1 << 62


class Fault(NamedTuple):
    """What goes wrong, and how often: the share of calls, or the number of one."""

    word: str
    rate: float
    nth: int


class Chaos:
    """What one worker does wrong. Any thread."""

    def __init__(self, faults: List[Fault], seed: str) -> None:
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._at: Dict[int, str] = {x.nth: x.word for x in faults if x.nth}
        rated = [x for x in faults if not x.nth]
        self._words = [x.word for x in rated]
        self._ends = list(itertools.accumulate(x.rate for x in rated))

    def choose(self) -> str:
        """The fault that befalls the next call; empty: none."""
        word = self._at.get(next(self._numbers))
        if word is not None:
            return word
        drawn = self._random.random()
        return next((w for w, end in zip(self._words, self._ends) if drawn < end), "")

    def enter(self, lane: Any, socket_path: str) -> None:
        """From now on the calls of the lane suffer."""
        mess = _Mess(socket_path)

        def around(call: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(call)
            def suffer(**arguments: Any) -> Any:
                word = self.choose()
                if word:
                    getattr(mess, word)()
                return call(**arguments)

            return suffer

        lane.meddle(around, mess.pack)


class _Mess:
    """Makes the faults of one lane; each is called as its word."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._spoils = False

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        _wait_for_ever()

    def segv(self) -> None:
        ctypes.string_at(0)

    def exit(self) -> None:
        os._exit(EXIT_CODE)

    def hang(self) -> None:
        _wait_for_ever()

    def stop(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def slow(self) -> None:
        time.sleep(random.uniform(*SLOW_SECONDS))

    def garbage(self) -> None:
        self._spoils = True

    def half_close(self) -> None:
        """What the host reads from this worker ends, while it can still write to it."""
        for name in os.listdir("/proc/self/fd"):
            try:
                copy = socket.socket(fileno=os.dup(int(name)))
            except OSError:
                continue
            with copy:
                try:
                    if copy.getsockname() == self._socket_path and copy.getpeername() is not None:
                        copy.shutdown(socket.SHUT_WR)
                except OSError:
                    continue  # the one that listens, or none of ours

    def pack(self, pack: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def pack_or_spoil(finals: Any) -> Any:
            message = pack(finals)
            if self._spoils:
                message.first_seq = _NOBODYS
                if message.seq:  # then that is what counts
                    message.seq[-1] = _NOBODYS
            return message

        return pack_or_spoil


def _wait_for_ever() -> NoReturn:
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            continue
