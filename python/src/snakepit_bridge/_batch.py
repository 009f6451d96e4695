"""Batches without protobuf, for lanes that no host feeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from ._arguments import KIND_JSON


@dataclass(frozen=True)
class Attached:
    index: int
    data: Sequence[bytes]


@dataclass(frozen=True)
class Context:
    index: int
    session: str = ""
    traceparent: str = ""
    correlation_id: str = ""
    attempt: int = 1


@dataclass(frozen=True)
class Batch:
    """What a transport gives to the lane: the fields of `snakepit.worker.v1.Batch`."""

    first_seq: int
    count: int
    kind: int = KIND_JSON
    tool_all: int = 0
    tool: Sequence[int] = ()
    budget_us: Sequence[int] = ()
    args: bytes = b""
    data: bytes = b""
    size: Sequence[int] = ()
    attachments: Sequence[Attached] = ()
    context: Sequence[Context] = ()
    lane: int = 0
    others: Sequence["Batch"] = ()
    together: bool = False
