"""Tools that are given many calls at once: what their authors say, and how their calls go together.

A tool gets either one list for each of its parameters, or, if its only parameter is annotated
`list[SomeTypedDict]`, one list of the calls' arguments.
"""

from __future__ import annotations

import inspect
import re
import typing
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from . import _errors, _schema
from ._errors import Failure

MAX_SIZE = 1024
MAX_DELAY_US = 1_000_000
_DELAY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(us|ms|s)\Z")
_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000}


class Batching(NamedTuple):
    """What a tool wants, and the form in which it gets it."""

    max_size: int = 32
    max_delay_us: int = 5_000
    #: The parameter that gets the list of arguments; empty: each gets a list of its own.
    items: str = ""
    #: The arguments of a call in that case.
    columns: Tuple[str, ...] = ()


def limits_of(batch: Any) -> Optional[Batching]:
    """What `@tool(batch=...)` says; None: nothing. Raises ValueError."""
    if batch is None or batch is False:
        return None
    if batch is True:
        return Batching()
    if not isinstance(batch, Mapping):
        raise ValueError(
            f"batch={batch!r} is neither True nor a dict such as"
            ' {"max_size": 32, "max_delay": "5ms"}'
        )
    unknown = [key for key in batch if key not in ("max_size", "max_delay")]
    if unknown:
        raise ValueError(f"batch has no {unknown[0]!r}; there are 'max_size' and 'max_delay'")
    size = batch.get("max_size", Batching().max_size)
    if type(size) is not int or not 1 <= size <= MAX_SIZE:
        raise ValueError(f"batch: max_size {size!r} is no whole number from 1 to {MAX_SIZE}")
    delay = _microseconds(batch.get("max_delay", "5ms"))
    return Batching(size, delay)


def _microseconds(delay: Any) -> int:
    us = -1.0
    if isinstance(delay, str):
        found = _DELAY.match(delay.strip())
        if found:
            us = float(found.group(1)) * _UNITS[found.group(2)]
    elif isinstance(delay, (int, float)) and not isinstance(delay, bool):
        us = delay * 1e6
    if not 0 <= us <= MAX_DELAY_US:  # NaN is not either
        raise ValueError(
            f"batch: max_delay {delay!r} is no time from 0 to 1s, such as '5ms' or seconds as a number"
        )
    return round(us)


def of_function(
    function: Callable[..., Any], bound: bool, limits: Batching
) -> Tuple[_schema.ToolSchema, Batching]:
    """The schema of the arguments of one call, from that of many. Raises SignatureError."""
    parameters = _schema.parameters_of(function, bound)
    hints, notes = _schema.hints_of(function)
    made = _schema.ToolSchema({}, {}, [], [], notes)
    elements = {x.name: _element(x, hints) for x in parameters}
    if not elements:
        raise _schema.SignatureError("a tool that is called in batches needs a parameter")
    properties: _schema.Schema = {}
    first, kind_of_first = next(iter(elements.items()))
    if len(elements) == 1 and _is_typed_dict(kind_of_first):
        for field, (kind, required) in _fields(kind_of_first).items():
            properties[field] = _schema.property_of(field, inspect.Parameter.empty, kind, made)
            if not required:
                made.required.remove(field)
                if field in made.required_bytes:
                    made.required_bytes.remove(field)
        limits = limits._replace(items=first)
    else:
        for name, hint in elements.items():
            properties[name] = _schema.property_of(name, inspect.Parameter.empty, hint, made)
        limits = limits._replace(columns=tuple(elements))
    made.schema.update(type="object", properties=properties)
    if made.required:
        made.schema["required"] = list(made.required)
    made.schema["additionalProperties"] = False
    result = hints.get("return", Any)
    if result is not Any and _schema.element_of(result) is None:
        if typing.get_origin(result) is not tuple:
            notes.append(f"its result: a list, one entry a call, not {_schema.name_of(result)}")
    return made, limits


def _element(parameter: inspect.Parameter, hints: Dict[str, Any]) -> Any:
    """The hint of what one call gives."""
    name = parameter.name
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        raise _schema.SignatureError(
            f"its parameter **{name} cannot be filled in batches: each parameter is a list by name"
        )
    if parameter.default is not inspect.Parameter.empty:
        raise _schema.SignatureError(
            f"its parameter {name} has a default, which calls in batches cannot have; take one"
            " list of a TypedDict, with what may be left out"
        )
    hint = hints.get(name, inspect.Parameter.empty)
    if hint is inspect.Parameter.empty or hint is Any:
        return hint
    element = _schema.element_of(hint)
    if element is None:
        raise _schema.SignatureError(
            f"its parameter {name} gets a list, one element a call: annotate it list[...],"
            f" not {_schema.name_of(hint)}"
        )
    return element


def _is_typed_dict(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, dict) and hasattr(hint, "__total__")


def _fields(kind: Any) -> Dict[str, Tuple[Any, bool]]:
    """The hint of each key of a TypedDict, and whether it must be there."""
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except Exception as error:
        raise _schema.SignatureError(
            f"the annotations of {kind.__qualname__} cannot be evaluated ({error})"
        ) from None
    found = {}
    for name, hint in hints.items():
        required = name in kind.__required_keys__
        # In a module with `from __future__ import annotations` the class does not know it.
        word = getattr(typing.get_origin(hint), "_name", "")
        if word in ("Required", "NotRequired"):
            hint, required = typing.get_args(hint)[0], word == "Required"
        found[name] = (hint, required)
    return found


class Group(NamedTuple):
    """How calls of one tool are made as one."""

    #: Takes `items`, the arguments of the calls; returns as many results, or exceptions.
    call: Callable[..., Any]
    #: The arguments of one call as the tool takes them, or why it has none.
    prepare: Callable[[Dict[str, Any]], Union[Dict[str, Any], Failure]]


def group_of(
    name: str,
    batching: Batching,
    enums: Mapping[str, Callable[[Any], Any]],
    call: Callable[..., Any],
) -> Group:
    """`call` takes lists by name."""
    items_name, columns = batching.items, batching.columns
    names = set(columns)

    def many(items: List[Dict[str, Any]]) -> Any:
        if items_name:
            results = call(**{items_name: items})
        else:
            results = call(**{column: [one[column] for one in items] for column in columns})
        if not isinstance(results, (list, tuple)):
            raise TypeError(
                f"tool {name!r} was given {len(items)} calls and returned"
                f" {_errors.type_name(type(results))}; it must return a list with the result of each"
            )
        if len(results) != len(items):
            raise ValueError(
                f"tool {name!r} was given {len(items)} calls and returned {len(results)} results"
            )
        return results

    def prepare(one: Dict[str, Any]) -> Union[Dict[str, Any], Failure]:
        if names and one.keys() != names:
            text = f"tool {name!r} takes {', '.join(columns)}, not {', '.join(one) or 'nothing'}"
            return Failure("invalid_argument", _errors.fit(text), {"tool": name})
        try:
            for key, make in enums.items():
                if one.get(key) is not None:
                    one[key] = make(one[key])
        except Exception as error:
            return _errors.of_exception(error)
        return one

    return Group(many, prepare)


def alone(group: Group) -> Callable[..., Any]:
    """The same for a call that comes by itself."""

    def one(**arguments: Any) -> Any:
        given = group.prepare(arguments)
        if isinstance(given, Failure):
            raise _errors.BridgeError(given)
        result = group.call(items=[given])[0]
        if isinstance(result, BaseException):
            raise result
        return result

    return one


class Taken(NamedTuple):
    """The calls of a group, sorted out."""

    #: One a call: the Failure of who is not run, else nothing yet.
    ends: List[Any]
    #: Which are run, and their arguments.
    places: List[int]
    items: List[Dict[str, Any]]


def take(given: List[Any], is_late: Callable[[int], bool], too_late: Failure, group: Group) -> Taken:
    """Sorts out who is run. A call that cannot be run fails alone."""
    taken = Taken([], [], [])
    for index, one in enumerate(given):
        if type(one) is dict:
            one = too_late if is_late(index) else group.prepare(one)
        if type(one) is dict:
            taken.places.append(index)
            taken.items.append(one)
        taken.ends.append(one)
    return taken


def spread(result: Any, taken: Taken) -> List[Any]:
    """The end of each call, from what the tool returned for all of them, or the Failure of it."""
    failed = type(result) is Failure
    for i, place in enumerate(taken.places):
        one = result if failed else result[i]
        taken.ends[place] = _errors.of_exception(one) if isinstance(one, BaseException) else one
    return taken.ends
