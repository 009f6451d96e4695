"""Values to JSON text with attachments and back, as docs/codec.md says.

`encode` tries the encoder of the standard library first, on what it is sure to write rightly; what
is left goes through a walk that also finds the path of what cannot be encoded. `decode` is strict
but for duplicate keys; `decode_batch` trusts the host to have checked ranges, depth and text.
"""

from __future__ import annotations

import json
import math
from json import encoder as _json_encoder
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence

from . import _walk
from ._walk import MAX_DEPTH, CodecError, Marker

__all__ = ["CodecError", "Encoded", "MAX_DEPTH", "Marker", "decode", "decode_batch", "encode"]

#: What `encode` makes at most unless told otherwise.
MAX_BYTES = 1 << 28


class Encoded(NamedTuple):
    data: bytes
    attachments: List[bytes]

    def size(self) -> int:
        return len(self.data) + sum(map(len, self.attachments))


def _make_dump() -> Callable[[Any], str]:
    """A function from plain value to text; about half of what `JSONEncoder.encode` takes."""
    slow = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    try:
        make: Any = _json_encoder.c_make_encoder  # type: ignore[attr-defined]
        text: Any = _json_encoder.encode_basestring  # type: ignore[attr-defined]
        fast = make(None, None, text, None, ":", ",", False, False, False)
        probe = {"a": [1, 1.5, None, True, "\n\u00e4"]}
        join = "".join
        if join(fast(probe, 0)) == slow(probe):
            return lambda value: join(fast(value, 0))
    except (AttributeError, TypeError):
        pass  # another implementation of Python, or another signature
    return slow


_dump = _make_dump()

_SCALARS = frozenset((str, int, float, bool, type(None)))
_CONTAINERS = frozenset((dict, list, tuple))
_PLAIN = _SCALARS | _CONTAINERS
_STR_ONLY = frozenset((str,))

# Nineteen digits in a row may be an integer beyond 64 bits, or else a long fraction or a text.
_DIGITS = bytes(48 if 48 <= i <= 57 else 32 for i in range(256))
_LONG_NUMBER = b"0" * 19
_DOLLAR_FIRST = b'{"$":'


def _is_plain(value: Any, depth: int, max_bytes: int) -> bool:
    """Whether the fast encoder can be trusted with a container: exact types, keys that are strings,
    not too deep, not more lists and maps than `max_bytes` has room for."""
    level = [value]
    for deep in range(depth):
        below: List[Any] = []
        for one in level:
            if type(one) is dict:
                if one and not _STR_ONLY.issuperset(map(type, one)):
                    return False
                one = one.values()
            kinds = set(map(type, one))
            if not kinds <= _SCALARS:
                if not kinds <= _PLAIN:
                    return False
                below += [item for item in one if type(item) in _CONTAINERS]
                # A list that holds itself twice would double with each level.
                if len(below) > (100_000 if deep > 16 else max_bytes // 2):
                    return False
        if not below:
            return True
        level = below
    return False


def _is_flat(value: Any) -> bool:
    for key, item in value.items():
        if type(key) is not str or type(item) not in _SCALARS:
            return False
    return True


def encode_fast(value: Any, depth: int, max_bytes: int) -> Optional[bytes]:
    """The text of a value without bytes in it. None: the walk of `encode` has to look at it."""
    kind = type(value)
    if kind is int:
        return b"%d" % value if _walk.INT_MIN <= value <= _walk.INT_MAX else None
    try:
        if kind is dict:
            if len(value) <= 8 and depth and _is_flat(value):
                may_be_form = "$" in value
            elif _is_plain(value, depth, max_bytes):
                may_be_form = True
            else:
                return None
        elif kind is list or kind is tuple:
            if not _is_plain(value, depth, max_bytes):
                return None
            may_be_form = True
        elif kind in _SCALARS:
            may_be_form = False
        else:
            return None
        data = _dump(value).encode()
    except (ValueError, RuntimeError, TypeError):
        # NaN, an infinity, a lone surrogate; or another thread changes the value meanwhile.
        return None
    if len(data) >= 19 and kind is not str and _LONG_NUMBER in data.translate(_DIGITS):
        return None
    if may_be_form and _DOLLAR_FIRST in data:
        return None
    return data


def encode(
    value: Any,
    *,
    depth: int = MAX_DEPTH,
    max_bytes: int = MAX_BYTES,
    reason: str = "unserializable",
) -> Encoded:
    """A value as JSON text and attachments. CodecError with `reason` and the path of what cannot be
    encoded; with `too_large` if it takes more than `max_bytes`."""
    data = encode_fast(value, depth, max_bytes)
    if data is None:
        writer = _walk.Writer(depth, max_bytes, reason)
        plain = writer.convert(value)
        encoded = Encoded(_dump(plain).encode(), writer.attachments)
    else:
        encoded = Encoded(data, [])
    if encoded.size() > max_bytes:
        raise too_large(encoded.size(), max_bytes)
    return encoded


def too_large(size: int, max_bytes: int) -> CodecError:
    return CodecError("too_large", "$", f"{size} bytes, more than the {max_bytes} allowed")


def _strict_int(text: str) -> Any:
    if len(text) <= 20:
        number = int(text)
        if _walk.INT_MIN <= number <= _walk.INT_MAX:
            return number
    return _walk.Unreadable("an integer beyond 64 bits")


def _strict_float(text: str) -> Any:
    number = float(text)
    if math.isinf(number):
        return _walk.Unreadable("a number too large for a double")
    return number


def _constant(text: str) -> Any:
    return _walk.Unreadable(f"{text} is no JSON")


_strict = json.JSONDecoder(
    parse_int=_strict_int, parse_float=_strict_float, parse_constant=_constant
)
_trusting = json.JSONDecoder(parse_constant=_constant)


def _not_json(error: Exception) -> CodecError:
    return CodecError("invalid_argument", "$", f"not JSON: {error}")


def decode(text: bytes, attachments: Sequence[bytes] = (), *, depth: int = MAX_DEPTH) -> Any:
    """The value of a text with its attachments. CodecError with the path of what is wrong."""
    try:
        source = str(text, "utf-8")
        try:
            tree = _strict.decode(source)
        except RecursionError:
            tree = _strict.decode(_walk.cut_deep_text(source, depth))
    except (ValueError, RecursionError) as error:
        raise _not_json(error) from None
    return _walk.Reader(attachments, depth).read(tree)


def decode_batch(text: bytes, count: int, attachments: Mapping[int, Sequence[bytes]]) -> List[Any]:
    """The arguments of each call of a batch, or the CodecError of each that has none.

    Raises CodecError if the text as a whole is not an array of `count` values.
    """
    try:
        calls = _trusting.decode(str(text, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise _not_json(error) from None
    if type(calls) is not list or len(calls) != count:
        raise CodecError("invalid_argument", "$", f"not an array of {count} calls")
    if attachments or b'"$"' in text or b"\\u0024" in text:
        for index, tree in enumerate(calls):
            try:
                calls[index] = _walk.Reader(attachments.get(index, ()), MAX_DEPTH).read(tree)
            except CodecError as error:
                calls[index] = error
    return calls
