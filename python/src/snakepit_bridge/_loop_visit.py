"""A plain tool of a pool of profile `async`: its call on a thread beside the loop."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic_ns
from typing import Any, Optional

from ._lane import leave_fork
from ._thread_interrupt import ThreadInterrupts
from .context import Cancelled


class Visit:
    """One call of a plain tool on a thread."""

    def __init__(self, lane: Any, call: Any, arguments: Any, seq: int, interrupt: bool) -> None:
        self._lane = lane
        self._call = lane.threads.guard(call) if interrupt else call
        self._arguments = arguments
        self._seq = seq
        self._interrupt = interrupt
        self._future: Optional["Future[None]"] = None
        self._unwanted = False
        self._began = 0
        self._result: Any = None
        self._error: Optional[BaseException] = None

    async def pay(self, threads: ThreadPoolExecutor) -> Any:
        """The result, or raises what the tool raised."""
        lane, posted = self._lane, monotonic_ns()
        try:
            here = contextvars.copy_context()
            self._future = threads.submit(lambda: here.run(self._run))
        except BaseException:
            self._unwanted = True  # it may be in the queue all the same
            raise
        lane.visit = self
        try:
            ended = asyncio.wrap_future(self._future)
            while not ended.done():
                try:
                    await asyncio.wait([ended])
                except asyncio.CancelledError:  # by another tool: the thread cannot be left behind
                    continue
        finally:
            lane.visit = None
        if self._future.cancelled():
            raise Cancelled()
        lane.waited += self._began - posted
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._result

    def call_off(self) -> bool:
        """Whether it has not begun, and will not."""
        return self._future is not None and self._future.cancel()

    def _run(self) -> None:
        """On the thread. Raises nothing."""
        if self._unwanted:
            return
        self._began = monotonic_ns()
        self._lane.threads.enter_thread()
        self._attempt(self._lane.threads)
        if self._lane.forked:
            leave_fork(self._error)

    def _attempt(self, threads: ThreadInterrupts) -> None:
        try:
            threads.armed = self._seq if self._interrupt else 0
            self._result = threads.enter(self._seq, self._call, self._arguments)
            threads.armed = 0
        except BaseException as error:
            threads.armed = 0
            self._error = error
