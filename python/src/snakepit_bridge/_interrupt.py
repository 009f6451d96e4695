"""Interrupts the call that runs on the main thread, and nothing else.

The host writes the number of a call into the lane page and sends a signal. Python runs the handler
on the main thread between two steps of whatever is executed there. It may raise only inside of the
tool, so three things are looked at:

* `armed`, the number of the call that runs and may be interrupted, must be the page's number. So a
  signal that comes late, or for another call, does nothing.
* The frame that was interrupted must not be the lane's own. The lane arms, calls `enter`, disarms,
  all in its own frame; so nothing is ever raised before its `try` holds or after the tool ended,
  however many signals come.
* A signal that comes after arming and before `enter` has begun would be lost by that. `enter`
  therefore looks at the page itself, before it calls the tool; the host writes the number first and
  sends the signal after it.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
from types import CodeType, FrameType
from typing import Any, Callable, Optional

from ._page import CANCEL
from .context import Cancelled


class Interrupts:
    """Decides for one lane whether a signal becomes `Cancelled`."""

    def __init__(self, words: memoryview) -> None:
        self._words = words
        self._lane_code: Optional[CodeType] = None
        #: Number of the call that may be interrupted now; 0: none. Written by the lane only.
        self.armed = 0
        #: Number of the last call that was interrupted. The page may have gone on to the next.
        self.hit = 0
        #: While true nothing is raised; who sets it calls `look` afterwards.
        self.held = False
        #: Set while an async tool runs.
        self.task: Optional["asyncio.Task[Any]"] = None

    def turn_to(self, words: memoryview) -> None:
        """What runs next is a call of this lane. While nothing is armed."""
        self._words = words
        self.hit = 0

    def enter(self, seq: int, call: Callable[..., Any], arguments: Any) -> Any:
        """Calls a tool unless its call was cancelled already."""
        if self._words[CANCEL] == seq:
            self.hit = seq
            raise Cancelled()
        return call(**arguments)

    def look(self) -> bool:
        """Whether the host wants the end of the call that runs: for who held signals up."""
        seq = self.armed
        if seq != 0 and self._words[CANCEL] == seq:
            self.hit = seq
        return seq != 0 and self.hit == seq

    def install(self, signal_number: int, lane_code: CodeType) -> None:
        """Main thread only. `lane_code`: of the function that arms, calls and disarms."""
        self._lane_code = lane_code
        signal.signal(signal_number, self.on_signal)

    def on_signal(self, _number: int, frame: Optional[FrameType]) -> None:
        seq = self.armed
        if seq == 0 or self._words[CANCEL] != seq:
            return
        # A signal can come while another is being handled: what counts is what that one interrupted.
        while frame is not None and frame.f_code is _ON_SIGNAL:
            frame = frame.f_back
        if self.held or frame is None or frame.f_code is self._lane_code:
            return
        self.hit = seq
        if self.task is not None:
            self._cancel(self.task)
            if not _is_in_step(frame):
                return
        raise Cancelled()

    def _cancel(self, task: "asyncio.Task[Any]") -> None:
        """asyncio's own way; enough if the call awaits something."""
        task.cancel()
        task.get_loop().call_soon_threadsafe(_nothing)  # wakes the loop if it waits


_ON_SIGNAL = Interrupts.on_signal.__code__


def _nothing() -> None:
    pass


_RUN_CALLBACK = asyncio.Handle._run.__code__
_STEPS = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ITERABLE_COROUTINE


def _is_in_step(frame: Optional[FrameType]) -> bool:
    """Whether a coroutine is being executed, which may block and has to be interrupted like any other
    code. In the loop itself, which also works between the end of a step and the return from it, an
    exception would lose the task that it is about to schedule."""
    while frame is not None:
        caller = frame.f_back
        if caller is not None and caller.f_code is _RUN_CALLBACK:
            return bool(frame.f_code.co_flags & _STEPS)
        frame = caller
    return False
