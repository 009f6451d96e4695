"""Between the messages of proto/worker.proto and plain values."""

from __future__ import annotations

from typing import Any, Optional, Union

from .. import codec
from .._chaos import Chaos, Fault
from .._errors import Failure, PythonFailure, fit
from .._lane import Finals, Limits
from .._loop_lane import Gathered
from .._pb import worker_pb2
from .._version import PROTOCOL_MAJOR, PROTOCOL_MINOR, __version__
from . import Greeting, Hello

#: The generated module, which has no types.
pb: Any = worker_pb2

_UINT32_MAX = (1 << 32) - 1


def hello_of(request: Any) -> Hello:
    known = request.limits
    limits = Limits(
        known.payload_bytes or Limits().payload_bytes,
        min(known.depth or codec.MAX_DEPTH, codec.MAX_DEPTH),
    )
    return Hello(
        request.token,
        request.protocol_major,
        request.version,
        request.adapter,
        request.lanes,
        request.profile == pb.PROFILE_THREAD,
        limits,
        request.profile == pb.PROFILE_ASYNC,
        _chaos_of(request),
    )


def _chaos_of(request: Any) -> Optional[Chaos]:
    if not request.HasField("chaos"):
        return None
    known = request.chaos
    seed = f"{known.seed}/{request.slot}/{request.generation}"
    return Chaos([Fault(x.word, x.rate, x.nth) for x in known.faults], seed)


def reply_of(greeting: Union[Greeting, Failure]) -> Any:
    if isinstance(greeting, Failure):
        return pb.HelloReply(error=error_of(greeting))
    reply = pb.HelloReply(
        protocol_major=PROTOCOL_MAJOR,
        protocol_minor=PROTOCOL_MINOR,
        version=__version__,
        pid=greeting.pid,
        start_time=greeting.start_time,
        python_version=greeting.python_version,
        libraries=greeting.libraries,
        adapter=fit(greeting.adapter),
        lanes=greeting.lanes,
        features=greeting.features,
    )
    for tool in greeting.tools:
        reply.tools.add(
            number=tool.number,
            name=tool.name,
            description=tool.description,
            schema=tool.schema_text,
            raw=tool.raw,
            idempotent=tool.idempotent,
            interrupt=tool.interrupt,
            alone=tool.alone,
            thread_sensitive=tool.thread_sensitive,
            batch_max_size=tool.batch.max_size if tool.batch else 0,
            batch_max_delay_us=tool.batch.max_delay_us if tool.batch else 0,
        )
    return reply


def results_of(finals: Finals) -> Any:
    """Packs finals for the lane."""
    run_us = finals.run_us
    if run_us and max(run_us) > _UINT32_MAX:
        run_us = [min(one, _UINT32_MAX) for one in run_us]
    results = pb.Results(
        first_seq=finals.first_seq,
        data=b"".join(finals.parts),
        size=finals.size,
        run_us=run_us,
        revoked_from=finals.revoked_from,
        began_us=finals.began_ns // 1000,
    )
    for index, failure in finals.failures.items():
        results.failures.add(index=index, error=error_of(failure))
    for index, data in finals.attachments.items():
        results.attachments.add(index=index, data=data)
    if finals.cpu_ns:
        results.cpu_ns = finals.cpu_ns
    for index, cost in finals.costs.items():
        results.costs.add(index=index, cpu_ns=cost.cpu, memory_bytes=cost.growth)
    return results


def gathered_of(finals: Gathered) -> Any:
    """Packs finals of several lanes."""
    results = results_of(finals)
    if finals.revoked_from:
        results.lane = finals.lanes[0]
    else:
        results.seq.extend(finals.seq)
        results.lanes.extend(finals.lanes)
    return results


def serialize(message: Any) -> bytes:
    serialized: bytes = message.SerializeToString()
    return serialized


def error_of(failure: Failure) -> Any:
    error = pb.Error(
        category=failure.category,
        reason=failure.reason,
        message=failure.message,
        retryable=failure.retryable,
        details=failure.details,
    )
    if failure.python is not None:
        _fill(error.python, failure.python)
    return error


def _fill(target: Any, python: PythonFailure) -> None:
    target.type, target.message = python.type, python.message
    for frame in python.frames:
        target.frames.add(
            file=frame.file, line=frame.line, function=frame.function, text=frame.text
        )
    if python.cause is not None:
        _fill(target.cause, python.cause)
