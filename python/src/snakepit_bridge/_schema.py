"""JSON Schema from type hints, and the check of arguments against it.

Only the keywords that hints give: type, properties, required, additionalProperties, items, enum,
anyOf, default; `x-snakepit-type` says bytes, which JSON has not. What hints cannot say becomes `{}`,
which fits anything, and a note for `python -m snakepit_bridge check`.
"""

from __future__ import annotations

import collections.abc
import enum
import inspect
import types
import typing
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from . import codec
from ._fits import violation

Schema = Dict[str, Any]

_SCALARS: Dict[Any, Schema] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
    None: {"type": "null"},
    type(None): {"type": "null"},
    bytes: {"x-snakepit-type": "bytes"},
    bytearray: {"x-snakepit-type": "bytes"},
    memoryview: {"x-snakepit-type": "bytes"},
    list: {"type": "array"},
    dict: {"type": "object"},
}
_LISTS = (
    list,
    collections.abc.Sequence,
    collections.abc.Iterable,
    collections.abc.Collection,
    collections.abc.MutableSequence,
)
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_UNIONS = tuple(x for x in (typing.Union, getattr(types, "UnionType", None)) if x is not None)

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)


class SignatureError(ValueError):
    """A function that cannot be a tool."""


class Unknown(Exception):
    """A hint that has no schema."""


class ToolSchema(NamedTuple):
    schema: Schema
    #: Parameters that want a member of an Enum: it is made from the value.
    enums: Dict[str, Callable[[Any], Any]]
    #: Parameters annotated bytes that must be given, and all that must be.
    required_bytes: List[str]
    required: List[str]
    notes: List[str]


def of_hint(hint: Any) -> Schema:
    """The schema of a type hint. Raises Unknown."""
    if hint is Any or hint is object:
        return {}
    try:
        if hint in _SCALARS:
            return dict(_SCALARS[hint])
    except TypeError:  # not hashable
        raise Unknown(repr(hint)) from None
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is not None:
        return _of_generic(hint, origin, arguments)
    if hint in _LISTS:
        return {"type": "array"}
    if hint in _MAPS:
        return {"type": "object"}
    supertype = getattr(hint, "__supertype__", None)  # NewType
    if supertype is not None:
        return of_hint(supertype)
    raise Unknown(getattr(hint, "__qualname__", None) or repr(hint))


def _of_generic(hint: Any, origin: Any, arguments: Tuple[Any, ...]) -> Schema:
    if origin in _UNIONS:
        return _any_of([of_hint(x) for x in arguments])
    if origin is typing.Literal:
        if all(x is None or type(x) in (str, int, bool) for x in arguments):
            return {"enum": list(arguments)}
    elif origin in _LISTS:
        return _with_items(arguments[0] if arguments else Any)
    elif origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return _with_items(arguments[0])
        return {"type": "array"}
    elif origin in _MAPS:
        return _of_map(hint, arguments)
    elif getattr(hint, "__metadata__", None) is not None:  # Annotated
        return of_hint(arguments[0])
    raise Unknown(repr(hint).replace("typing.", ""))


def element_of(hint: Any) -> Any:
    """What the list of that hint holds; None: it is no list."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin not in _LISTS and hint not in _LISTS:
        return None
    return arguments[0] if arguments and not isinstance(arguments[0], typing.TypeVar) else Any


def name_of(hint: Any) -> str:
    """As people write it."""
    return getattr(hint, "__qualname__", None) or repr(hint).replace("typing.", "")


def _with_items(hint: Any) -> Schema:
    items = {} if isinstance(hint, typing.TypeVar) else of_hint(hint)
    return {"type": "array", "items": items} if items else {"type": "array"}


def _of_map(hint: Any, arguments: Tuple[Any, ...]) -> Schema:
    if not arguments or isinstance(arguments[0], typing.TypeVar):
        return {"type": "object"}
    if arguments[0] is not str and arguments[0] is not Any:
        raise Unknown(f"{hint!r}: keys are always str".replace("typing.", ""))
    values = of_hint(arguments[1])
    return {"type": "object", "additionalProperties": values} if values else {"type": "object"}


def _any_of(options: List[Schema]) -> Schema:
    if {} in options:
        return {}
    flat: List[Schema] = []
    for option in options:
        for one in option["anyOf"] if list(option) == ["anyOf"] else [option]:
            if one not in flat:
                flat.append(one)
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def _enum_of(hint: Any) -> Tuple[Optional[type], bool]:
    """The Enum class of `E` or `Optional[E]`, and whether None is allowed."""
    options = typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else (hint,)
    classes = [x for x in options if isinstance(x, type) and issubclass(x, enum.Enum)]
    optional = type(None) in options
    return (classes[0], optional) if len(classes) == 1 == len(options) - optional else (None, False)


def hints_of(function: Callable[..., Any]) -> Tuple[Dict[str, Any], List[str]]:
    """Type hints of a function as far as they can be evaluated, and notes about the others."""
    try:
        return typing.get_type_hints(function), []
    except Exception:
        pass
    hints, notes = {}, []
    plain = inspect.unwrap(function)
    names = getattr(plain, "__globals__", {})
    for name, hint in getattr(plain, "__annotations__", {}).items():
        try:
            hints[name] = eval(hint, names) if isinstance(hint, str) else hint
        except Exception as error:
            notes.append(f"{name}: its annotation {hint!r} cannot be evaluated ({error})")
            hints[name] = Any
    return hints, notes


def parameters_of(function: Callable[..., Any], bound: bool) -> List[inspect.Parameter]:
    """The parameters that callers fill, by name. Raises SignatureError."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[int(bound) :]
    except (ValueError, TypeError) as error:
        raise SignatureError(f"its signature cannot be read ({error})") from None
    for parameter in parameters:
        if parameter.kind in _POSITIONAL:
            star = "*" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else ""
            why = "arguments are given by name" if star else "positional-only"
            raise SignatureError(f"its parameter {star}{parameter.name} cannot be filled: {why}")
    return parameters


def of_function(function: Callable[..., Any], bound: bool) -> ToolSchema:
    """The schema of a tool's arguments. `bound`: the first parameter is filled in by Python.
    Raises SignatureError."""
    hints, notes = hints_of(function)
    made = ToolSchema({}, {}, [], [], notes)
    properties: Schema = {}
    open_ended = False
    for parameter in parameters_of(function, bound):
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            open_ended = True
        else:
            name = parameter.name
            hint = hints.get(name, inspect.Parameter.empty)
            properties[name] = property_of(name, parameter.default, hint, made)
    made.schema.update(type="object", properties=properties)
    if made.required:
        made.schema["required"] = list(made.required)
    made.schema["additionalProperties"] = open_ended
    return made


def property_of(name: str, default: Any, hint: Any, made: ToolSchema) -> Schema:
    """The schema of one argument; notes in `made` what else there is to it."""
    if hint is inspect.Parameter.empty:
        made.notes.append(f"{name}: no type, so anything fits")
        hint = Any
    kind, optional = _enum_of(hint)
    try:
        schema = _of_enum(kind, optional) if kind else of_hint(hint)
    except Unknown as unknown:
        made.notes.append(f"{name}: {unknown} has no JSON Schema, so anything fits")
        schema = {}
    if kind and schema:
        made.enums[name] = kind
    if default is inspect.Parameter.empty:
        made.required.append(name)
        if schema == _SCALARS[bytes]:
            made.required_bytes.append(name)
        return schema
    if default is None and schema and not fits_null(schema):
        schema = _any_of([schema, {"type": "null"}])
    return _with_default(schema, default)


def fits_null(schema: Schema) -> bool:
    return violation(schema, None) is None


def _of_enum(kind: Any, optional: bool) -> Schema:
    values = [member.value for member in kind]
    if not values or not all(type(x) in (str, int, bool) for x in values):
        raise Unknown(f"the Enum {kind.__qualname__} with values that are neither str nor int")
    return {"enum": values + [None] * optional}


def _with_default(schema: Schema, default: Any) -> Schema:
    if isinstance(default, enum.Enum):
        default = default.value
    try:
        encoded = codec.encode(default, max_bytes=4096)
    except Exception:
        return schema
    if encoded.attachments:
        return schema
    return {**schema, "default": codec.decode(encoded.data)}
