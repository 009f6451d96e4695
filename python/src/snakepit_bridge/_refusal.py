"""Writes a `snakepit.worker.v1.Error` without protobuf, which may be what is missing."""

from __future__ import annotations

from ._errors import Failure

#: A packet on the side socket has to fit into its send buffer.
MAX_MESSAGE = 16384


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, text: str) -> bytes:
    data = text.encode("utf-8", "backslashreplace")[:MAX_MESSAGE]
    data = data.decode("utf-8", "ignore").encode()
    return _varint(number << 3 | 2) + _varint(len(data)) + data if data else b""


def serialize(failure: Failure) -> bytes:
    """The failure without its Python part."""
    out = _field(1, failure.category) + _field(2, failure.reason) + _field(3, failure.message)
    if failure.retryable:
        out += _varint(4 << 3) + b"\x01"
    for key, value in failure.details.items():
        entry = _field(1, key) + _field(2, value)
        out += _varint(5 << 3 | 2) + _varint(len(entry)) + entry
    return out
