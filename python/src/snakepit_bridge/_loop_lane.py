"""One lane of an event loop: a section of the lane page, and a task for the call that it has.

A lane holds one call at a time, so what takes long keeps nothing behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic_ns
from typing import Any, Callable, Deque, List, Optional, Tuple, TypeVar

from . import _loop_stacks, codec, context
from ._arguments import KIND_RAW, PROBE_TOOL, Tool, arguments_of, tools_of
from ._errors import Failure
from ._lane import (
    _TOO_LATE,
    _UNKNOWN_TOOL,
    MAX_BATCH,
    Finals,
    Lane,
    Limits,
    _budgets_of,
    _encode_raw,
    leave_fork,
)
from ._loop_interrupt import Call, keep_out, running
from ._loop_visit import Visit
from ._page import ACKED, CANCEL, CLAIMED, DONE, IN_STEP, LIMIT, STARTED_NS
from ._thread_interrupt import ThreadInterrupts
from .context import Cancelled

R = TypeVar("R")

#: How often a lane looks whether the host has what the journal could not hold.
ACK_LOOK = 0.001


class Final:
    """The end of one call, or with `run_us` -1 the report that it and what is behind it is given back."""

    __slots__ = ("lane", "seq", "data", "run_us", "is_rare", "result", "attachments")

    def __init__(self, lane: int, seq: int, data: bytes = b"", run_us: int = -1) -> None:
        self.lane = lane
        self.seq = seq
        self.data = data
        self.run_us = run_us
        self.is_rare = False
        self.result: Any = None
        self.attachments: List[bytes] = []


class Gathered(Finals):
    """Finals of several lanes; each has its lane and number."""

    __slots__ = ("seq", "lanes", "bytes")

    def __init__(self) -> None:
        super().__init__(0)
        self.seq: List[int] = []
        self.lanes: List[int] = []
        self.bytes = 0

    def add(self, x: Final) -> None:
        if x.is_rare:
            self.add_rare(x.result, x.attachments)
        self.seq.append(x.seq)
        self.lanes.append(x.lane)
        self.parts.append(x.data)
        self.size.append(len(x.data))
        self.run_us.append(x.run_us)
        self.bytes += len(x.data) + sum(map(len, x.attachments))


class LoopLane(Lane[R]):
    """One lane: at most one call at a time."""

    def __init__(
        self,
        host: Any,
        number: int,
        words: memoryview,
        limits: Limits,
        pack: Callable[[Finals], R],
        serialize: Callable[[R], bytes],
    ) -> None:
        #: Of plain tools, which run on a thread.
        self.threads = ThreadInterrupts(words)
        super().__init__(words, limits, pack, serialize, interrupts=self.threads)
        self._host = host
        self._number = number
        self.words = words
        #: The call that may be cancelled now; 0: none.
        self.armed = 0
        #: Nanoseconds that it has waited for its turn or a thread.
        self.waited = 0
        #: Of a tool that runs on the loop.
        self.coroutine: Any = None
        #: Of a tool that runs on a thread, or waits for one.
        self.visit: Optional[Visit] = None
        self._task: Optional["asyncio.Task[None]"] = None
        self._unbegun: Optional[Tuple[Any, int]] = None
        self._backlog: Deque[Tuple[Any, int]] = deque()
        self._last_noted = 0

    def accept(self, batch: Any, received: int) -> None:
        if self._task is None:
            self._begin(batch, received)
        else:
            self._backlog.append((batch, received))

    def tell(self) -> None:
        """The call is being interrupted. Main thread only."""
        self.threads.take(self._seq)

    def note_hit(self) -> None:
        """Something of the call's making is being interrupted, so that the call can be told."""
        self.threads.hit = self._seq

    def is_wanted_off(self) -> bool:
        seq = self.armed
        return seq != 0 and self._is_cancelled(seq)

    def cancel_if_wanted(self) -> None:
        """On the loop."""
        if self.armed == 0 or self.words[CANCEL] != self.armed:
            return
        if self.visit is None:
            self.tell()
            assert self._task is not None
            self._task.cancel()
        elif self.visit.call_off():
            self.tell()

    def stack(self) -> str:
        """Of a coroutine that waits; empty if there is none."""
        coroutine, seq = self.coroutine, self._seq
        if coroutine is None or seq == 0 or self.words[IN_STEP]:
            return ""
        return _loop_stacks.text_of(f"task {self._tool.name}, lane {self._number}", coroutine)

    def _begin(self, batch: Any, received: int) -> None:
        self._unbegun = (batch, received)
        self._host.busy.add(self)
        self._task = task = self._host.loop.create_task(self.serve())
        task.add_done_callback(self._on_end)

    def _on_end(self, _task: "asyncio.Task[None]") -> None:
        self._task = None
        if self._unbegun is not None:  # a tool has cancelled all the tasks that it found
            self._begin(*self._unbegun)
        elif self._backlog:
            self._begin(*self._backlog.popleft())
        else:
            self._host.note_end(self)

    async def visit_thread(self, threads: Any, call: Any, arguments: Any, interrupt: bool) -> Any:
        """Runs a plain tool on one of the threads."""
        return await Visit(self, call, arguments, self._seq, interrupt).pay(threads)

    async def serve(self) -> None:
        """Runs the calls of a batch, one after the other."""
        assert self._unbegun is not None
        self._batch, self._received = self._unbegun
        self._unbegun = None
        try:
            await self._run_batch(self._batch)
        except BaseException:
            self._host.crash()
        self._batch = None  # it may be large

    async def _run_batch(self, batch: Any) -> None:
        words, host = self.words, self._host
        first, count = batch.first_seq, batch.count
        if not 1 <= count <= MAX_BATCH:
            raise ValueError(f"protocol error: a batch of {count} calls")
        budgets = _budgets_of(batch)
        arguments, tools = arguments_of(batch, host.tools), tools_of(batch, host.tools)
        for seq, tool, given in zip(range(first, first + count), tools, arguments):
            while words[ACKED] < self._owed and not host.stopping:
                await _pause()
            host.leave_if_forked()
            before, now = words[CLAIMED], monotonic_ns()
            words[CLAIMED] = seq
            if words[LIMIT] < seq or host.stopping:
                words[CLAIMED] = before
                host.send(Final(self._number, seq))
                return
            words[STARTED_NS] = now
            host.look_after_streams(now)
            self.waited = 0
            if self._is_late(budgets, seq - first, now):
                result: Any = _TOO_LATE
            else:
                result = await self.call_tool(seq, tool, given)
            self._end(seq, result, monotonic_ns() - now - self.waited, batch.kind)

    async def call_tool(self, seq: int, tool: Optional[Tool], given: Any) -> Any:
        """Calls a tool: its result, or a Failure."""
        if tool is None or type(given) is not dict:
            return given if type(given) is Failure else _UNKNOWN_TOOL
        self._seq, self._tool = seq, tool
        context.set_own_source(lambda: self._current() if self._seq == seq else None)
        running.set(Call(self, seq))
        failure = None
        result: Any = None
        try:
            self.armed = seq if tool.interrupt else 0
            if self.words[CANCEL] == seq:
                self.tell()
                raise Cancelled()
            result = tool.call(**given)
            if tool is not PROBE_TOOL:
                result = await result
            self.armed = 0
        except BaseException as error:
            self.armed = 0
            if self.forked:
                leave_fork(error)
            failure = self._failure(seq, error, tool, given)
        self._seq, self.coroutine = 0, None
        if failure is not None:
            return failure
        if self.forked:
            leave_fork(None)
        return result

    def _end(self, seq: int, result: Any, ran_ns: int, kind: int) -> None:
        """Makes the final of a call, notes it and has it sent."""
        payload_bytes, depth = self._limits
        encode = _encode_raw if kind == KIND_RAW else codec.encode_fast
        data = encode(result, depth, payload_bytes)
        run_us = (max(0, ran_ns) + 999) // 1000
        final = Final(self._number, seq, b"", run_us)
        if data is None or len(data) > payload_bytes:
            data, final.attachments, result = self._encode_with_care(result, kind)
            if final.attachments or type(result) is Failure:
                final.is_rare, final.result = True, result
        final.data = data
        if self.words[ACKED] >= self._last_noted:
            self._journal.rewind()
        self._last_noted = seq
        if final.is_rare:
            self._note_message(seq, data, final.attachments, result, run_us)
        elif not self._journal.note(seq, data, run_us):
            self._owed = seq
        self._journal.mark(seq)
        self.words[DONE] = seq
        self._host.send(final)


async def _pause() -> None:
    try:
        await asyncio.sleep(ACK_LOOK)
    except asyncio.CancelledError:  # by a tool that cancels all the tasks that it finds
        pass


keep_out(LoopLane.serve)
keep_out(LoopLane._run_batch)
keep_out(LoopLane.call_tool)
