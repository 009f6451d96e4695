"""The lane: runs the calls of each batch in order and collects their finals.

Knows nothing of gRPC or protobuf: a batch is anything with the fields of `snakepit.worker.v1.Batch`,
finals leave through `pack`. Runs on one thread: in a worker the main thread, unless it is a
`_thread_lane.ThreadLane`.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from time import monotonic_ns, sleep
from typing import Any, Callable, Dict, Generic, Iterator, List, Mapping, NamedTuple, Optional, TypeVar

from . import _errors, _together, codec, context
from ._arguments import KIND_RAW, PROBE, PROBE_TOOL, Tool, arguments_of, bind, tools_of
from ._async import LaneLoop
from ._errors import Failure
from ._interrupt import Interrupts
from ._journal import MESSAGE, Journal
from ._meter import COSTLY_US, Cost, Meter
from ._page import ACKED, CANCEL, CLAIMED, DONE, LIMIT, STARTED_NS
from ._tools import ToolSpec
from .context import CallContext, Cancelled

R = TypeVar("R")

#: Finals are sent when the oldest is this old, or when they are about this large: half of what the
#: journal holds, so that one half is acknowledged while the other is filled.
FLUSH_NS = 1_000_000
FLUSH_BYTES = 1 << 15
#: Calls after which a tool that never broke stdout or stderr is trusted: within a batch of trusted tools
#: it is looked after them once in LOOK_NS, else before each call, which costs half a microsecond.
PROOF = 256
LOOK_NS = 1_000_000
#: How often a lane that must not go on looks whether the host has what the journal could not hold.
ACK_LOOK = 0.0002
MAX_BATCH = 1024


class Limits(NamedTuple):
    payload_bytes: int = 16 << 20
    depth: int = codec.MAX_DEPTH


_NONE: List[bytes] = []
_NO_COSTS: Dict[int, Cost] = {}


class Finals:
    """Finals that were made and not yet sent; their numbers have no gaps."""

    __slots__ = (
        "first_seq",
        "parts",
        "size",
        "run_us",
        "failures",
        "attachments",
        "revoked_from",
        "began_ns",
        "cpu_ns",
        "costs",
    )

    def __init__(self, first_seq: int) -> None:
        self.first_seq = first_seq
        self.parts: List[bytes] = []
        self.size: List[int] = []
        self.run_us: List[int] = []
        self.failures: Dict[int, Failure] = {}
        self.attachments: Dict[int, List[bytes]] = {}
        self.revoked_from = 0
        #: When the first of them began.
        self.began_ns = 0
        #: What those without an own entry in `costs` took together; 0: it was not measured.
        self.cpu_ns = 0
        self.costs: Mapping[int, Cost] = _NO_COSTS

    def adders(self) -> "tuple[Callable[[bytes], None], Callable[[int], None], Callable[[int], None]]":
        """What adds to `parts`, `size` and `run_us`, for a loop in a hurry."""
        return self.parts.append, self.size.append, self.run_us.append

    def add_rare(self, result: Any, attachments: List[bytes]) -> None:
        """What the next final has beside its data."""
        if type(result) is Failure:
            self.failures[len(self.size)] = result
        elif attachments:
            self.attachments[len(self.size)] = attachments


_TOO_LATE = Failure("deadline_exceeded", "the deadline had passed before the call could begin")


class Lane(Generic[R]):
    """One thread of execution.

    pack: makes the message that carries finals to the host.
    serialize: its bytes, for finals that the journal cannot hold as they are.
    is_well, mend: asked before each call until its batch's tools are trusted, see PROOF; called if the
        answer is no, and before each batch.
    """

    def __init__(
        self,
        words: memoryview,
        limits: Limits,
        pack: Callable[[Finals], R],
        serialize: Callable[[R], bytes],
        is_well: Callable[[], bool] = lambda: True,
        mend: Callable[[], None] = lambda: None,
        interrupts: Optional[Interrupts] = None,
    ) -> None:
        self.interrupts = interrupts or Interrupts(words)
        self.loop = LaneLoop(self.interrupts)
        #: Set from any thread: no further call is begun, what is left is given back.
        self.stopping = False
        #: Whether this process is a fork of the worker, made by a tool.
        self.forked = False
        self._words = words
        self._journal = Journal(words)
        #: Number of a final that is not in the journal: the host must have it before the next claim.
        self._owed = 0
        self._limits = limits
        self._pack = self._pack_note = pack
        self._serialize = serialize
        self._is_well = is_well
        self._mend = mend
        self.meter = Meter()
        #: Calls that each tool has made, up to PROOF. None: one has broken a stream.
        self._proved: Optional[Dict[int, int]] = {}
        #: One number: how long, in nanoseconds, the call did not run but waited for its turn. None
        #: where it never does.
        self._waited: Optional[List[int]] = None
        self._tools: Dict[int, Tool] = {PROBE: PROBE_TOOL}
        self._batch: Any = None
        self._received = 0
        self._seq = 0
        self._tool = PROBE_TOOL
        #: Of the batch, the calls that run as one now.
        self._together: List[int] = []

    def install(self, signal_number: int) -> None:
        """Lets a signal interrupt calls. Main thread only."""
        self.interrupts.install(signal_number, Lane._invoke.__code__)

    def after_fork(self) -> None:
        """In a process that a tool has forked."""
        self.forked = True

    def add(self, spec: ToolSpec, adapter: Any) -> None:
        """Makes a tool of the adapter callable."""
        call = getattr(adapter, spec.attribute)
        self._tools[spec.number] = bind(spec, self.loop.wrap(call) if spec.is_async else call)

    def meddle(
        self,
        around: Callable[[Callable[..., Any]], Callable[..., Any]],
        pack: Callable[[Callable[[Finals], R]], Callable[[Finals], R]],
    ) -> None:
        """Puts something around each tool, but for the probe, and around what packs finals."""
        for number, tool in self._tools.items():
            if number != PROBE:
                tool = tool._replace(call=around(tool.call))
                if tool.group is not None:
                    tool = tool._replace(group=tool.group._replace(call=around(tool.group.call)))
                self._tools[number] = tool
        self._pack = pack(self._pack)

    def run(self, batch: Any) -> Iterator[R]:
        """Runs a batch. Each value yielded is to be sent before the next is asked for."""
        words, invoke, is_well, clock = self._words, self._invoke, self._is_well, monotonic_ns
        note, mark = self._journal.note, self._journal.mark
        payload_bytes, depth = self._limits
        waited, meter = self._waited, self.meter
        first, count = batch.first_seq, batch.count
        if not 1 <= count <= MAX_BATCH:
            raise ValueError(f"protocol error: a batch of {count} calls")
        if batch.together:
            tool_of_all = self._tools.get(batch.tool_all)
            if tool_of_all is not None and tool_of_all.group is not None:
                yield from _together.run(self, batch, tool_of_all, tool_of_all.group)
                return
        encode = _encode_raw if batch.kind == KIND_RAW else codec.encode_fast
        self._batch, self._received = batch, clock()
        budgets = _budgets_of(batch)
        soonest = self._received + min(filter(None, budgets), default=1 << 60) * 1000
        self._announce()
        self._mend()
        arguments, tools = arguments_of(batch, self._tools), tools_of(batch, self._tools)
        out, pending, oldest = Finals(first), 0, 0
        add_part, add_size, add_time = out.adders()
        meter.begin(clock())
        now, before = clock(), words[CLAIMED]
        look_at = now + LOOK_NS if self._is_trusted(batch) else 0
        for seq, tool, given in zip(range(first, first + count), tools, arguments):
            if self._owed:
                if out.size:
                    mark(before)
                    yield self._pack(meter.close(out, now))
                    out, pending = Finals(seq), 0
                    add_part, add_size, add_time = out.adders()
                self._await_ack()
                meter.begin(clock())
                now = clock()
            words[CLAIMED] = seq
            if words[LIMIT] < seq or self.stopping:
                words[CLAIMED] = before
                out.revoked_from = seq
                break
            before = seq
            words[STARTED_NS] = now
            if now >= look_at:
                if look_at:
                    look_at = now + LOOK_NS
                if not is_well():
                    self._proved = None
                    self._mend()
            if now >= soonest and self._is_late(budgets, seq - first, now):
                result: Any = _TOO_LATE
            else:
                result = invoke(seq, tool, given)
            data = encode(result, depth, payload_bytes)
            attachments: List[bytes] = _NONE
            is_plain = True
            if data is None or len(data) > payload_bytes:
                data, attachments, result = self._encode_with_care(result, batch.kind)
                is_plain = not attachments and type(result) is not Failure
            began, now = now, clock()
            if waited is not None and waited[0]:
                meter.skip(waited[0])
                began, waited[0] = began + waited[0], 0
            run_us = (now - began + 999) // 1000
            if run_us >= COSTLY_US:
                meter.note(seq, run_us, now, len(out.size))
            if not is_plain:
                self._note_message(seq, data, attachments, result, run_us)
            elif not note(seq, data, run_us):
                self._owed = seq
            words[DONE] = seq
            size = len(data)
            added = size if is_plain else size + sum(map(len, attachments))
            if pending and pending + added > FLUSH_BYTES:
                mark(seq)
                yield self._pack(meter.close(out, now))
                meter.begin(clock())
                out, pending, now = Finals(seq), 0, clock()
                add_part, add_size, add_time = out.adders()
            if not out.size:
                oldest, out.began_ns = now, began
            if not is_plain:
                out.add_rare(result, attachments)
            add_part(data)
            add_size(size)
            add_time(run_us)
            pending += added
            if now - oldest >= FLUSH_NS and seq + 1 < first + count:
                mark(seq)
                yield self._pack(meter.close(out, now))
                meter.begin(clock())
                out, pending, now = Finals(seq + 1), 0, clock()
                add_part, add_size, add_time = out.adders()
        self._batch = None  # it may be large
        if out.size or out.revoked_from:
            mark(before)
            yield self._pack(meter.close(out, now))

    def _is_trusted(self, batch: Any) -> bool:
        """Whether no tool of the batch will break stdout or stderr."""
        proved = self._proved
        if proved is None:
            return False
        trusted = True
        for number in {batch.tool_all} if batch.tool_all else set(batch.tool):
            calls = proved.get(number, 0)
            if calls < PROOF:
                trusted = False
                proved[number] = calls + (batch.count if batch.tool_all else 1)
        return trusted

    def _announce(self) -> None:
        """Lets tools ask for their call."""
        context.set_source(self._current)

    def _note_message(
        self, seq: int, data: bytes, attachments: List[bytes], result: Any, run_us: int
    ) -> None:
        """Notes a final that is more than its data; its message is what the stream would carry."""
        alone = Finals(seq)
        alone.parts, alone.size, alone.run_us = [data], [len(data)], [run_us]
        if attachments:
            alone.attachments[0] = attachments
        else:
            alone.failures[0] = result
        if not self._journal.note(seq, self._serialize(self._pack_note(alone)), run_us, MESSAGE):
            self._owed = seq

    def _await_ack(self) -> None:
        words, owed = self._words, self._owed
        while words[ACKED] < owed and not self.stopping:
            sleep(ACK_LOOK)
        self._owed = 0

    def _invoke(self, seq: int, tool: Optional[Tool], given: Any) -> Any:
        """Calls a tool: its result, or a Failure.

        A signal never raises in this very frame, see `_interrupt`: between arming and disarming it
        calls nothing but `enter`.
        """
        if tool is None or type(given) is not dict:
            return given if type(given) is Failure else _UNKNOWN_TOOL
        interrupts = self.interrupts
        self._seq, self._tool = seq, tool
        failure = None
        try:
            interrupts.armed = seq if tool.interrupt else 0
            result = interrupts.enter(seq, tool.call, given)
            interrupts.armed = 0
        except BaseException as error:
            interrupts.armed = 0
            if self.forked:
                leave_fork(error)
            failure = self._failure(seq, error, tool, given)
        self._seq = 0
        if failure is not None:
            return failure
        if self.forked:
            leave_fork(None)
        return result

    def _failure(self, seq: int, error: BaseException, tool: Tool, given: Any) -> Failure:
        if isinstance(error, _errors.BridgeError):
            return error.failure
        failure = _errors.of_exception(error)
        if seq == self.interrupts.hit and _is_interrupt(error):
            text = f"tool {tool.name!r} was interrupted"
            return Failure("cancelled", text, {"tool": tool.name}, failure.python)
        if isinstance(error, TypeError) and failure.python and not failure.python.frames:
            try:
                inspect.signature(tool.call).bind(**given)
            except (TypeError, ValueError) as misfit:
                text = f"tool {tool.name!r}: {misfit}"
                return Failure("invalid_argument", _errors.fit(text), {"tool": tool.name})
        return failure

    def _is_late(self, budgets: List[int], index: int, now: int) -> bool:
        return index < len(budgets) and 0 < budgets[index] * 1000 <= now - self._received

    def _encode_with_care(self, result: Any, kind: int) -> "tuple[bytes, List[bytes], Any]":
        """What the fast encoder left: data and attachments, or the Failure that stands for them."""
        if type(result) is not Failure:
            try:
                if kind == KIND_RAW:
                    data = _raw_bytes(result)
                    if len(data) <= self._limits.payload_bytes:
                        return data, [], None
                    raise codec.too_large(len(data), self._limits.payload_bytes)
                encoded = codec.encode(
                    result, depth=self._limits.depth, max_bytes=self._limits.payload_bytes
                )
                return encoded.data, encoded.attachments, None
            except codec.CodecError as error:
                text = f"the result of tool {self._tool.name!r} cannot be sent: {error}"
                details = {"tool": self._tool.name, "path": error.path}
                result = Failure(error.reason, _errors.fit(text), details)
            except BaseException as error:
                result = _errors.of_exception(error)
        return b"", [], result

    def _current(self) -> Optional[CallContext]:
        seq, batch = self._seq, self._batch
        if seq == 0:
            return None

        def is_cancelled() -> bool:
            return self._is_cancelled(seq)

        if not self._together:
            return self._context_of(batch, seq - batch.first_seq, is_cancelled)
        calls = [self._context_of(batch, i, is_cancelled) for i in self._together]
        return _together.context_of(calls, self._tool.name, is_cancelled)

    def _is_cancelled(self, seq: int) -> bool:
        """Whether the host wants its end, or wanted it and it was told."""
        return bool(self._words[CANCEL] == seq or self.interrupts.hit == seq)

    def _context_of(
        self, batch: Any, index: int, is_cancelled: Callable[[], bool]
    ) -> CallContext:
        budgets = _budgets_of(batch)
        budget = budgets[index] if index < len(budgets) else 0
        found = next((one for one in batch.context if one.index == index), None)
        return CallContext(
            tool=self._tool.name,
            attempt=max(1, found.attempt) if found else 1,
            session=found.session if found else "",
            correlation_id=found.correlation_id if found else "",
            traceparent=found.traceparent if found else "",
            deadline=(self._received + budget * 1000) / 1e9 if budget else None,
            is_cancelled=is_cancelled,
        )


_UNKNOWN_TOOL = Failure("unknown_tool", "this worker has no tool of that number")


def _is_interrupt(error: BaseException) -> bool:
    kinds = (Cancelled, asyncio.CancelledError)
    return any(isinstance(one, kinds) for one in _errors.chain(error))


def _raw_bytes(result: Any) -> bytes:
    if not isinstance(result, (bytes, bytearray, memoryview)):
        what = f"a raw call has to return bytes, not {_errors.type_name(type(result))}"
        raise codec.CodecError("unserializable", "$", what)
    return bytes(result)


def _budgets_of(batch: Any) -> List[int]:
    """Microseconds that each call had when the batch was sent, 0: no deadline. May be short."""
    budgets: List[int] = list(batch.budget_us)
    count: int = batch.count
    return budgets * count if len(budgets) == 1 else budgets


def _encode_raw(result: Any, _depth: int, _max_bytes: int) -> Optional[bytes]:
    return result if type(result) is bytes else None


def leave_fork(error: Optional[BaseException]) -> None:
    """Ends a process that a tool forked and that came back here: the lane is its parent's."""
    code = 0
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    elif error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue
    os._exit(code)
