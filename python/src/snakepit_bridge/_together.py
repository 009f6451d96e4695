"""A batch that runs as one call of its tool: claimed, run and done as a whole."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, TypeVar

from . import _batching, _lane, codec
from ._arguments import KIND_RAW, Tool, arguments_of
from ._batching import Group
from ._errors import Failure
from ._page import CLAIMED, DONE, LIMIT, STARTED_NS
from .context import CallContext

if TYPE_CHECKING:
    from ._lane import Lane

R = TypeVar("R")


def run(lane: "Lane[R]", batch: Any, tool: Tool, group: Group) -> Iterator[R]:
    """Each value yielded is to be sent before the next is asked for."""
    words, first, last = lane._words, batch.first_seq, batch.first_seq + batch.count - 1
    lane._batch, lane._received = batch, monotonic_ns()
    lane._announce()
    lane._mend()
    given = arguments_of(batch, lane._tools)
    if lane._owed:
        lane._await_ack()
    before = words[CLAIMED]
    words[CLAIMED] = last
    if words[LIMIT] < last or lane.stopping:
        words[CLAIMED] = before
        lane._batch, out = None, _lane.Finals(first)
        out.revoked_from = first
        yield lane._pack(out)
        return
    words[STARTED_NS] = began = monotonic_ns()
    encoded = [_encode(lane, end, batch.kind) for end in _ends(lane, given, tool, group, last)]
    waited = 0
    if lane._waited is not None:
        waited, lane._waited[0] = lane._waited[0], 0
    run_us = (monotonic_ns() - began - waited + 999) // 1000
    for seq, (data, attachments, end) in enumerate(encoded, first):
        if lane._owed:
            break  # what the journal cannot hold, the host must have before the next claim
        if attachments or type(end) is Failure:
            lane._note_message(seq, data, attachments, end, run_us)
        elif not lane._journal.note(seq, data, run_us):
            lane._owed = seq
    if lane._owed:
        lane._owed = last
    lane._journal.mark(last)
    words[DONE] = last
    lane._batch = None  # it may be large
    out, pending = _lane.Finals(first), 0
    for seq, (data, attachments, end) in enumerate(encoded, first):
        added = len(data) + sum(map(len, attachments))
        if pending and pending + added > _lane.FLUSH_BYTES:
            yield lane._pack(out)
            out, pending = _lane.Finals(seq), 0
        out.add_rare(end, attachments)
        out.parts.append(data)
        out.size.append(len(data))
        out.run_us.append(run_us)
        pending += added
    yield lane._pack(out)


def _ends(lane: "Lane[Any]", given: List[Any], tool: Tool, group: Group, last: int) -> List[Any]:
    """Runs the calls that can be run; the result or the Failure of each."""
    now, budgets = lane._words[STARTED_NS], _lane._budgets_of(lane._batch)
    taken = _batching.take(
        given, lambda i: lane._is_late(budgets, i, now), _lane._TOO_LATE, group
    )
    lane._tool = tool
    if not taken.items:
        return taken.ends
    lane._together = taken.places
    result = lane._invoke(last, tool._replace(call=group.call), {"items": taken.items})
    lane._together = []
    return _batching.spread(result, taken)


def _encode(lane: "Lane[Any]", end: Any, kind: int) -> "tuple[bytes, List[bytes], Any]":
    """Data and attachments of a result, and the Failure if it is one."""
    payload_bytes, depth = lane._limits
    encode = _lane._encode_raw if kind == KIND_RAW else codec.encode_fast
    data = encode(end, depth, payload_bytes)
    if data is None or len(data) > payload_bytes:
        return lane._encode_with_care(end, kind)
    return data, [], None


def context_of(
    calls: List[CallContext], tool: str, is_cancelled: Callable[[], bool]
) -> CallContext:
    """The context of all of them."""
    deadlines = [one.deadline for one in calls if one.deadline is not None]
    only = calls[0] if len(calls) == 1 else None
    return CallContext(
        tool=tool,
        attempt=only.attempt if only else 1,
        session=only.session if only else "",
        correlation_id=only.correlation_id if only else "",
        traceparent=only.traceparent if only else "",
        deadline=max(deadlines) if len(deadlines) == len(calls) else None,
        is_cancelled=is_cancelled,
        calls=tuple(calls),
    )
