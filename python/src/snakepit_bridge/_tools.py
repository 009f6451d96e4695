"""Finds the tools of an adapter class or module and describes each."""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from . import _batching, _schema, codec
from ._batching import Batching
from ._errors import fit
from .adapter import MARK, Adapter, ToolOptions

FIRST_NUMBER = 16
NAME_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")

#: Functions of a module that are not tools, since the worker itself calls them.
HOOKS = ("initialize", "cleanup", "after_fork")


class ToolError(ValueError):
    """An adapter whose tools cannot be served. `reason` is a word of proto/reasons.txt."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ToolSpec(NamedTuple):
    """One tool, not yet bound to an adapter object."""

    number: int
    name: str
    #: Name of the attribute of the adapter object or module.
    attribute: str
    description: str
    schema: Dict[str, Any]
    schema_text: str
    raw: bool
    idempotent: bool
    interrupt: bool
    #: No two calls of such tools of a worker may overlap.
    alone: bool
    #: On the main thread only.
    thread_sensitive: bool
    is_async: bool
    #: Parameter of a raw call.
    raw_parameter: str
    enums: Dict[str, Callable[[Any], Any]]
    #: For people, see `python -m snakepit_bridge check`.
    notes: List[str]
    #: Set if it is given many calls at once.
    batch: Optional[Batching] = None


class _Found(NamedTuple):
    attribute: str
    function: Callable[..., Any]
    options: ToolOptions
    bound: bool


def of_class(adapter: type) -> List[ToolSpec]:
    """Tools in the order of definition, those of base classes first. Raises ToolError."""
    order: List[str] = []
    marks: Dict[str, ToolOptions] = {}
    for base in reversed(adapter.__mro__):
        for attribute, member in vars(base).items():
            options = getattr(getattr(member, "__func__", member), MARK, None)
            if isinstance(options, ToolOptions):
                marks[attribute] = options
            elif attribute not in marks or base is Adapter:
                continue
            if attribute not in order:
                order.append(attribute)
    found = []
    for attribute in order:
        member = inspect.getattr_static(adapter, attribute)
        function = getattr(member, "__func__", member)
        if callable(function):  # a subclass may take a tool away by setting it to None
            bound = not isinstance(member, staticmethod)
            found.append(_Found(attribute, function, marks[attribute], bound))
    return _describe_all(adapter.__qualname__, found)


def marked_functions(module: ModuleType) -> List[str]:
    """Names of the functions of a module that are marked as tools."""
    return [
        name
        for name, member in vars(module).items()
        if isinstance(getattr(member, MARK, None), ToolOptions) and not inspect.isclass(member)
    ]


def _public_functions(module: ModuleType) -> Iterator[str]:
    for name, member in vars(module).items():
        if not name.startswith("_") and name not in HOOKS and inspect.isfunction(member):
            if member.__module__ == module.__name__:
                yield name


def of_module(module: ModuleType) -> List[ToolSpec]:
    """The marked functions of a module, or if there are none its public ones. Raises ToolError."""
    names = marked_functions(module) or list(_public_functions(module))
    found = []
    for name in names:
        function = getattr(module, name)
        found.append(_Found(name, function, getattr(function, MARK, ToolOptions()), False))
    return _describe_all(module.__name__, found)


def _describe_all(owner: str, found: List[_Found]) -> List[ToolSpec]:
    if not found:
        raise ToolError("worker_start_failed", f"{owner} has no tools")
    taken: Dict[str, str] = {}
    specs = []
    for number, one in enumerate(found, FIRST_NUMBER):
        spec = _describe(owner, number, one)
        if spec.name in taken:
            other = taken[spec.name]
            raise ToolError(
                "duplicate_tool",
                f"{owner}: {other} and {one.attribute} are both called {spec.name!r}",
            )
        taken[spec.name] = one.attribute
        specs.append(spec)
    return specs


def _describe(owner: str, number: int, found: _Found) -> ToolSpec:
    attribute, function, options, bound = found
    name = attribute if options.name is None else options.name
    if not isinstance(name, str) or not NAME_RULE.match(name):
        raise ToolError(
            "invalid_name",
            f"{owner}.{attribute}: {name!r} is no name for a tool: 1 to 64 letters, digits,"
            " '_', '.', '-', the first a letter or digit",
        )
    where = f"tool {name!r} of {owner}"
    plain = inspect.unwrap(function)
    if inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
        raise ToolError("worker_start_failed", f"{where} is a generator; it must return a value")
    try:
        batch = _batching.limits_of(options.batch)
        if batch is None:
            made = _schema.of_function(function, bound)
        else:
            made, batch = _batching.of_function(function, bound, batch)
    except ValueError as error:
        raise ToolError("worker_start_failed", f"{where}: {error}") from None
    raw, raw_parameter = _raw(where, options, made)
    try:
        schema_text = codec.encode(made.schema).data.decode()
    except codec.CodecError as error:
        raise ToolError("worker_start_failed", f"{where}: its schema: {error}") from None
    return ToolSpec(
        number=number,
        name=name,
        attribute=attribute,
        description=_description(options, function),
        schema=made.schema,
        schema_text=schema_text,
        raw=raw,
        idempotent=bool(options.idempotent),
        interrupt=bool(options.interrupt),
        alone=not options.thread_safe,
        thread_sensitive=bool(options.thread_sensitive),
        is_async=inspect.iscoroutinefunction(plain),
        raw_parameter=raw_parameter,
        enums=made.enums,
        notes=made.notes + _result_notes(function),
        batch=batch,
    )


def _raw(where: str, options: ToolOptions, made: _schema.ToolSchema) -> Tuple[bool, str]:
    fits = len(made.required) == 1
    if options.raw and not fits:
        raise ToolError(
            "worker_start_failed",
            f"{where}: raw=True wants exactly one parameter that must be given,"
            f" it has {len(made.required)}",
        )
    raw = options.raw if options.raw is not None else fits and len(made.required_bytes) == 1
    return bool(raw), made.required[0] if raw else ""


def _description(options: ToolOptions, function: Callable[..., Any]) -> str:
    text = options.description
    if text is None:
        text = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
    return fit(str(text))


def _result_notes(function: Callable[..., Any]) -> List[str]:
    """A note if the annotated result surely cannot be sent."""
    hint: Optional[Any] = _schema.hints_of(function)[0].get("return", Any)
    try:
        _schema.of_hint(hint)
    except _schema.Unknown as unknown:
        return [f"its result: {unknown} may have no representation in JSON"]
    return []
