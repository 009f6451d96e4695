"""Checks decoded arguments against the JSON Schema of a tool: docs/codec.md, "Schemas"."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from ._walk import path_text

Schema = Dict[str, Any]

_WORDS: Dict[str, Tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def violation(schema: Schema, value: Any, path: str = "$") -> Optional[Tuple[str, str]]:
    """Path and text of the first thing in a decoded value that does not fit; None if all does."""
    if schema.get("x-snakepit-type") == "bytes" and type(value) is not bytes:
        return path, f"want bytes, not {_word(value)}"
    words = schema.get("type")
    if words is not None:
        words = [words] if isinstance(words, str) else words
        if not any(type(value) in _WORDS.get(word, ()) for word in words):
            return path, f"want {' or '.join(words)}, not {_word(value)}"
    if "enum" in schema and not any(_same(value, x) for x in schema["enum"]):
        return path, f"none of {schema['enum']}"
    if "const" in schema and not _same(value, schema["const"]):
        return path, f"not {schema['const']!r}"
    options = schema.get("anyOf")
    if options and not any(violation(option, value, path) is None for option in options):
        return path, f"{_word(value)} fits none of its types"
    if type(value) is list and "items" in schema:
        for index, item in enumerate(value):
            found = violation(schema["items"], item, f"{path}[{index}]")
            if found:
                return found
    return _object_violation(schema, value, path) if type(value) is dict else None


def _object_violation(schema: Schema, value: Any, path: str) -> Optional[Tuple[str, str]]:
    for name in schema.get("required", ()):
        if name not in value:
            return path, f"{name} is missing"
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        below = path + path_text([name])[1:]
        rule = properties.get(name, others)
        if rule is False:
            return below, f"there is no parameter {name}"
        found = violation(rule, item, below) if isinstance(rule, dict) else None
        if found:
            return found
    return None


def _word(value: Any) -> str:
    if type(value) is float:
        return "number"
    for word, kinds in _WORDS.items():
        if type(value) in kinds:
            return word
    return type(value).__name__
