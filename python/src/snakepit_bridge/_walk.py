"""The careful half of the codec: walks values piece by piece and knows the path of each."""

from __future__ import annotations

import json
import math
import re
from enum import Enum
from typing import Any, List, NoReturn, Sequence, Set, Union

MAX_DEPTH = 100
INT_MIN = -(1 << 63)
INT_MAX = (1 << 64) - 1

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_OUTSIDE_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


class CodecError(ValueError):
    """A value that cannot be encoded, or a text that cannot be decoded."""

    def __init__(self, reason: str, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.reason = reason
        self.path = path


class Marker:
    """Stands for an object that JSON cannot hold."""

    __slots__ = ("type", "text")

    def __init__(self, type: str, text: str = "") -> None:
        self.type = type
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Marker) and (self.type, self.text) == (other.type, other.text)

    def __hash__(self) -> int:
        return hash((self.type, self.text))

    def __repr__(self) -> str:
        return f"Marker({self.type!r}, {self.text!r})"


class Unreadable:
    """In a parsed tree: something that is JSON in syntax only."""

    __slots__ = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what


def path_text(steps: Sequence[Union[str, int]]) -> str:
    """`$.items[3]["a b"]`"""
    parts = ["$"]
    for step in steps:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif len(step) > 64:
            parts.append(f"[{json.dumps(step[:64] + '...', ensure_ascii=False)}]")
        elif _IDENTIFIER.match(step):
            parts.append(f".{step}")
        else:
            parts.append(f"[{json.dumps(step, ensure_ascii=False)}]")
    return "".join(parts).encode("utf-8", "backslashreplace").decode()


def is_text(text: str) -> bool:
    """Whether UTF-8 can hold it, that is, it has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Writer:
    """Turns a value into one that the standard encoder writes rightly; collects attachments."""

    def __init__(self, depth: int, max_bytes: int, reason: str) -> None:
        self.attachments: List[bytes] = []
        self._depth = depth
        self._reason = reason
        self._max_bytes = max_bytes
        self._left = max_bytes  # of the least that what was met so far takes
        self._steps: List[Union[str, int]] = []
        self._open: Set[int] = set()

    def convert(self, value: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise CodecError("too_large", "$", f"more than the {self._max_bytes} bytes allowed")
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            if not is_text(value):
                self._fail("a text with a lone surrogate")
            return str(value) if type(value) is str else str.__str__(value)
        if isinstance(value, int):
            number = int.__int__(value)
            if not INT_MIN <= number <= INT_MAX:
                self._fail("an integer beyond 64 bits")
            return number
        if isinstance(value, float):
            real = float.__float__(value)
            if not math.isfinite(real):
                self._fail(f"{real} is no JSON")
            return real
        if isinstance(value, (dict, list, tuple)):
            return self._container(value)
        return self._other(value)

    def _container(self, value: Any) -> Any:
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            self._fail(f"a named tuple ({_name(value)}); return its _asdict()")
        if id(value) in self._open:
            self._fail("a list or map that contains itself")
        if len(self._open) >= self._depth:
            self._fail(f"nested deeper than {self._depth}")
        self._open.add(id(value))
        try:
            return self._map(value) if isinstance(value, dict) else self._list(value)
        finally:
            self._open.discard(id(value))

    def _list(self, value: Any) -> Any:
        converted = []
        for index, item in enumerate(value):
            self._steps.append(index)
            converted.append(self.convert(item))
            self._steps.pop()
        return converted

    def _map(self, value: Any) -> Any:
        converted = {}
        for key, item in value.items():
            if not isinstance(key, str):
                self._fail(f"a key that is no text: {_name(key)}")
            if not is_text(key):
                self._fail("a key with a lone surrogate")
            self._steps.append(key)
            converted[str.__str__(key)] = self.convert(item)
            self._steps.pop()
        if len(converted) == 1 and "$" in converted:
            return {"$": ["map", converted]}
        return converted

    def _other(self, value: Any) -> Any:
        if isinstance(value, (bytes, bytearray, memoryview)):
            data = bytes(value)
            self._left -= len(data)
            self.attachments.append(data)
            return {"$": ["bytes", len(self.attachments) - 1]}
        if isinstance(value, Marker):
            if not (is_text(value.type) and is_text(value.text)):
                self._fail("a marker with a lone surrogate")
            return {"$": ["marker", value.type, value.text]}
        advice = ""
        if isinstance(value, Enum):
            advice = "; return its .value"
        elif hasattr(value, "tolist"):
            advice = "; return its .tolist()"
        elif isinstance(value, (set, frozenset)):
            advice = "; return a list"
        self._fail(f"no representation in JSON for the type {_name(value)}{advice}")

    def _fail(self, what: str) -> NoReturn:
        raise CodecError(self._reason, path_text(self._steps), what)


def _name(value: Any) -> str:
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"


class Reader:
    """Turns a parsed tree into the value it stands for: `"$"` objects resolved, all checked."""

    def __init__(self, attachments: Sequence[bytes], depth: int) -> None:
        self._attachments = attachments
        self._used = 0
        self._depth = depth
        self._steps: List[Union[str, int]] = []

    def read(self, tree: Any) -> Any:
        value = self._read(tree, 0)
        if self._used != len(self._attachments):
            self._fail("attachments that nothing refers to")
        return value

    def _read(self, tree: Any, depth: int) -> Any:
        kind = type(tree)
        if kind is dict:
            if len(tree) == 1 and "$" in tree:
                return self._dollar(tree["$"], depth)
            return self._map(tree, depth)
        if kind is list:
            return self._list(tree, depth)
        if kind is str:
            if not is_text(tree):
                self._fail("a text with a lone surrogate")
        elif kind is Unreadable:
            self._fail(tree.what)
        return tree

    def _map(self, tree: Any, depth: int) -> Any:
        if depth >= self._depth:
            self._fail(f"nested deeper than {self._depth}")
        value = {}
        for key, item in tree.items():
            if not is_text(key):
                self._fail("a key with a lone surrogate")
            self._steps.append(key)
            value[key] = self._read(item, depth + 1)
            self._steps.pop()
        return value

    def _list(self, tree: Any, depth: int) -> Any:
        if depth >= self._depth:
            self._fail(f"nested deeper than {self._depth}")
        value = []
        for index, item in enumerate(tree):
            self._steps.append(index)
            value.append(self._read(item, depth + 1))
            self._steps.pop()
        return value

    def _dollar(self, form: Any, depth: int) -> Any:
        word = form[0] if type(form) is list and form else None
        if word == "bytes" and len(form) == 2 and type(form[1]) is int:
            if form[1] != self._used or form[1] >= len(self._attachments):
                self._fail(f"attachment {form[1]} where {self._used} was due")
            self._used += 1
            return bytes(self._attachments[form[1]])
        if word == "map" and len(form) == 2 and type(form[1]) is dict:
            if depth >= self._depth:
                self._fail(f"nested deeper than {self._depth}")
            self._steps += ["$", 1]
            value = self._map(form[1], depth)
            del self._steps[-2:]
            return value
        if word == "marker" and len(form) == 3 and type(form[1]) is type(form[2]) is str:
            if not (is_text(form[1]) and is_text(form[2])):
                self._fail("a marker with a lone surrogate")
            return Marker(form[1], form[2])
        self._fail('not a known "$" object')

    def _fail(self, what: str) -> NoReturn:
        raise CodecError("invalid_argument", path_text(self._steps), what)


def cut_deep_text(text: str, depth: int) -> str:
    """A text that is nested too deeply for the parser, cut where it is surely too deep and closed,
    so that it can be parsed and the path be found. A map form takes three brackets a level."""
    closing: List[str] = []
    for found in _OUTSIDE_STRINGS.finditer(text):
        sign = found.group()
        if sign in "[{":
            if len(closing) > 3 * depth + 3:
                return text[: found.start()] + "null" + "".join(reversed(closing))
            closing.append("]" if sign == "[" else "}")
        elif sign in "]}" and closing:
            closing.pop()
    return text
