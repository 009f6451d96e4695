"""Interrupts calls that run on one event loop, each of them and no neighbour.

The host writes the number of a call into its lane's page and sends a signal. The watch thread has the loop
itself cancel the call's task: all that a coroutine needs which awaits something. A loop that does not come
round to that is held up by a coroutine that does not await, perhaps by another one. So when it has not
come round for a while the handler of the signal, on the main thread, looks who runs:

* The context (`contextvars`) says it: each task has its own, and what a call has started, tasks and
  callbacks, has its call's.
* Only if it is a call that the host wants to end is `Cancelled` raised, and only inside of the tool: while
  the lane's page says that the tool's coroutine is executed (`IN_STEP`), or in a task that the tool has
  made. Never in the frames of `Step`, which write that word, nor in a callback, where it would only be
  logged.
* The watch thread's nudges, some milliseconds after each signal, call the same handler, so the second look
  needs no second signal of the host's.
* Whoever tells a call takes its number out of the page. Nudges, neighbours' signals and a loop that comes
  round after all find nothing there, so a tool that cleans up is left alone until the host asks again.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
from contextvars import ContextVar
from time import monotonic
from types import CodeType, FrameType
from typing import Any, Callable, Generator, NamedTuple, Optional, Set, TypeVar

from ._page import CANCEL, IN_STEP
from .context import Cancelled

F = TypeVar("F", bound=Callable[..., Any])

#: How long the loop may take to come round before a signal looks who holds it up.
PATIENCE = 0.015


class Call(NamedTuple):
    """One call of a lane; a lane that has gone on has another number."""

    lane: Any
    seq: int


#: The call whose task, or a task or callback of whose making, is being executed.
running: "ContextVar[Optional[Call]]" = ContextVar("snakepit_running", default=None)


class LoopInterrupts:
    """Whether the loop has come round since the host wanted a call's end, and what to do if not."""

    def __init__(self, loop: asyncio.AbstractEventLoop, cancel_wanted: Callable[[], None]) -> None:
        """cancel_wanted: cancels the tasks of the calls that the host wants to end. On the loop."""
        self._loop = loop
        self._cancel_wanted = cancel_wanted
        self._turned = True
        self._asked_at = 0.0

    def install(self, *signal_numbers: int) -> None:
        """Main thread only."""
        for number in signal_numbers:
            signal.signal(number, self.on_signal)

    def press(self) -> None:
        """A signal has come. Any thread, but not in a signal's handler."""
        if self._turned:
            self._asked_at = monotonic()
            self._turned = False
        try:
            self._loop.call_soon_threadsafe(self._turn)
        except RuntimeError:  # it was closed; whoever presses watches over more than the loop
            pass

    def _turn(self) -> None:
        # First: a `press` that comes now wants another turn.
        self._turned = True
        self._cancel_wanted()

    def on_signal(self, _number: int, frame: Optional[FrameType]) -> None:
        if self._turned or monotonic() - self._asked_at < PATIENCE:
            return
        call = running.get()
        if call is None or call.lane.armed != call.seq:
            return
        words = call.lane.words
        if words[CANCEL] != call.seq:
            return
        # A signal can come while another is being handled: what counts is what that one interrupted.
        while frame is not None and frame.f_code is _ON_SIGNAL:
            frame = frame.f_back
        if frame is None or frame.f_code in _OURS:
            return
        if words[IN_STEP]:
            call.lane.tell()
            raise Cancelled()
        if _is_in_task_of_tool(frame):
            call.lane.note_hit()  # the call itself may wait for something else: the loop tells it
            raise Cancelled()


class Step:
    """Awaits a tool's coroutine, and has the page say when it is being executed."""

    __slots__ = ("_coroutine", "_words", "_host")

    def __init__(self, coroutine: Any, words: memoryview, host: Any) -> None:
        """host: the `LoopLanes`."""
        self._coroutine = coroutine
        self._words = words
        self._host = host

    def __await__(self) -> Generator[Any, Any, Any]:
        words, host = self._words, self._host
        send, throw = self._coroutine.send, self._coroutine.throw
        given: Any = None
        error: Optional[BaseException] = None
        while True:
            host.leave_if_forked()
            words[IN_STEP] = 1
            try:
                awaited = send(given) if error is None else throw(error)
            except StopIteration as end:
                return end.value
            finally:
                if not host.forked:  # the parent, whose page it is, too, is still in the step
                    words[IN_STEP] = 0
                error = None  # it refers to this frame
            try:
                given = yield awaited
            except BaseException as thrown:
                given, error = None, thrown


def run_step(call: Callable[..., Any], arguments: Any, words: memoryview, host: Any) -> Any:
    """The same for a function that runs on the loop."""
    words[IN_STEP] = 1
    try:
        return call(**arguments)
    finally:
        if not host.forked:
            words[IN_STEP] = 0


_ON_SIGNAL = LoopInterrupts.on_signal.__code__
_RUN_CALLBACK = asyncio.Handle._run.__code__
_STEPS = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ITERABLE_COROUTINE
_OURS: Set[CodeType] = {Step.__await__.__code__, run_step.__code__}


def keep_out(function: F) -> F:
    """Nothing is raised in this function; a task that begins with it is no tool's."""
    _OURS.add(getattr(function, "__code__"))
    return function


def _is_in_task_of_tool(frame: Optional[FrameType]) -> bool:
    """Whether a coroutine is being executed that a tool has made a task of."""
    while frame is not None:
        caller = frame.f_back
        if caller is not None and caller.f_code is _RUN_CALLBACK:
            return bool(frame.f_code.co_flags & _STEPS) and frame.f_code not in _OURS
        frame = caller
    return False
