"""Interrupts the call that runs on a thread of the pool, and nothing else.

The host writes the number of a call into the lane page and sends a signal. Signals are handled on the
main thread, so another way leads to the call: Python's own `PyThreadState_SetAsyncExc`, which makes a
thread raise at its next step in Python code. It does so wherever that step is, and nothing tells when it
has happened. What keeps it inside of the tool:

* The lane *opens* before the tool begins and *closes* after it has ended, and `press` asks a thread to
  raise only while it is open, under the same lock. Closing swallows what was asked for and has not
  been raised, so when the lane has closed nothing is under way any more. (It could be taken back, but
  then Python 3.9 to 3.11 would look for it before each step, for ever and on all threads.)
* Between the tool's end and the end of closing it can still be raised, in our own code. So closing is
  tried again by the next of several nested handlers. `press` asks at most `MOST` times for one call, and
  there is one handler more than that: the last one cannot be disturbed.
* `press` is called by the watch thread, never by a signal's handler: that one may interrupt whoever holds
  the lock.

Only Python code is interrupted. A thread that waits, for a lock, for a second to pass, for a packet,
raises when the wait is over.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from typing import Any, Callable

from . import _page
from ._interrupt import Interrupts
from .context import Cancelled

#: How often one call is asked to raise: a tool may swallow it once, or a callback lose it.
MOST = 2

# By index: by name it would be the very object that others may use, with types of their own.
_set_async_exc = ctypes.pythonapi["PyThreadState_SetAsyncExc"]
_set_async_exc.argtypes = [ctypes.c_ulong, ctypes.py_object]
_set_async_exc.restype = ctypes.c_int


class ThreadInterrupts(Interrupts):
    """Decides for a lane on a thread of its own whether its call is interrupted, and does it."""

    def __init__(self, words: memoryview) -> None:
        super().__init__(words)
        self._lock = threading.Lock()
        self._thread = 0
        #: The call that may be made to raise now; 0: none. Becomes 0 under the lock only.
        self._open = 0
        self._asked = 0

    def enter_thread(self) -> None:
        """The lane runs on the calling thread from now on."""
        self._thread = threading.get_ident()

    def press(self) -> None:
        """Interrupts the call that the host wants to end, if it runs. Any thread but the lane's, and
        not in a signal's handler."""
        with self._lock:
            seq, task = self.armed, self.task
            if seq == 0 or self._words[_page.CANCEL] != seq:
                return
            if task is not None:
                self.take(seq)
                self._cancel(task)
            elif self._open == seq and self._asked < MOST:
                self.take(seq)
                self._asked += 1
                _set_async_exc(self._thread, Cancelled)

    def take(self, seq: int) -> None:
        """The call is being told. The host writes its number anew when it asks again: so no signal for
        another lane tells it twice."""
        self.hit = seq
        self._words[_page.CANCEL] = 0

    def guard(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A tool as one that may be made to raise. The nesting is explained above."""

        @functools.wraps(call)
        def guarded(**arguments: Any) -> Any:
            try:
                try:
                    try:
                        self._begin()
                        result = call(**arguments)
                        self._close()
                        return result
                    except BaseException:
                        self._close()
                        raise
                except BaseException:
                    self._close()
                    raise
            except BaseException:
                self._close()
                raise

        return guarded

    def after_fork(self) -> None:
        """In a process that a tool has forked: whoever held the lock is not there."""
        self._lock = threading.Lock()

    def _begin(self) -> None:
        self._asked = 0
        self._open = self.armed
        # `press` may have come just before.
        if self._words[_page.CANCEL] == self._open:
            self.take(self._open)
            raise Cancelled()

    def _close(self) -> None:
        with self._lock:
            self._open = 0
        if self._asked:
            try:
                # In the place of what may be under way: this one comes for sure, and is the last.
                # Again and again: it may be swallowed in a destructor that runs here.
                while _set_async_exc(self._thread, Cancelled):
                    pass
            except Cancelled:
                self._asked = 0

    def _cancel(self, task: Any) -> None:
        try:
            task.get_loop().call_soon_threadsafe(task.cancel)
        except RuntimeError:  # the tool has closed its loop
            pass
