"""Takes a batch apart: the tool and the arguments of each call."""

from __future__ import annotations

import functools
from itertools import accumulate, repeat
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Union

from . import _batching, codec
from ._batching import Group
from ._errors import Failure
from ._tools import ToolSpec

PROBE = 1
KIND_JSON = 1
KIND_RAW = 2


class Tool(NamedTuple):
    """A tool that can be called: its description bound to the adapter object."""

    name: str
    call: Callable[..., Any]
    #: Name of the parameter of a raw call; empty: the tool has none.
    raw_parameter: str
    interrupt: bool
    #: Set if it may be given many calls at once.
    group: Optional[Group] = None


PROBE_TOOL = Tool("probe", dict, "", True)


def bind(spec: ToolSpec, call: Callable[..., Any]) -> Tool:
    """`call` takes the arguments by name and returns the result."""
    if spec.batch is not None:
        group = _batching.group_of(spec.name, spec.batch, spec.enums, call)
        return Tool(spec.name, _batching.alone(group), spec.raw_parameter, spec.interrupt, group)
    if spec.enums:
        call = _with_enums(call, spec.enums)
    return Tool(spec.name, call, spec.raw_parameter, spec.interrupt)


def _with_enums(
    call: Callable[..., Any], enums: Mapping[str, Callable[[Any], Any]]
) -> Callable[..., Any]:
    @functools.wraps(call)
    def with_enums(**arguments: Any) -> Any:
        for name, make in enums.items():
            if arguments.get(name) is not None:
                arguments[name] = make(arguments[name])
        return call(**arguments)

    return with_enums


def tools_of(batch: Any, tools: Mapping[int, Tool]) -> Iterable[Optional[Tool]]:
    """The tool of each call, None where the number means none."""
    if batch.tool_all:
        return repeat(tools.get(batch.tool_all))
    numbers = list(batch.tool)
    numbers += [0] * (batch.count - len(numbers))
    return map(tools.get, numbers)


def arguments_of(batch: Any, tools: Mapping[int, Tool]) -> List[Any]:
    """The arguments of each call as a dict, or the Failure of a call that has none to use."""
    attachments = {one.index: list(one.data) for one in batch.attachments}
    if batch.kind == KIND_RAW:
        return _raw(batch, tools)
    if batch.kind != KIND_JSON:
        return [_broken(f"unknown kind of payload {batch.kind}")] * batch.count
    try:
        calls = codec.decode_batch(batch.args, batch.count, attachments)
    except codec.CodecError as error:
        return [_broken(str(error))] * batch.count
    if set(map(type, calls)) == {dict}:
        return calls
    return [_checked(one) for one in calls]


def _checked(one: Any) -> Union[Dict[str, Any], Failure]:
    if isinstance(one, dict):
        return one
    if isinstance(one, codec.CodecError):
        return Failure(one.reason, str(one), {"path": one.path})
    return Failure("invalid_argument", "$: the arguments are no object", {"path": "$"})


def _raw(batch: Any, tools: Mapping[int, Tool]) -> List[Any]:
    data, sizes = batch.data, list(batch.size)
    if len(sizes) != batch.count or sum(sizes) != len(data):
        return [_broken("the sizes of the raw payloads do not fit")] * batch.count
    slices = (data[end - size : end] for size, end in zip(sizes, accumulate(sizes)))
    if batch.tool_all:
        tool = tools.get(batch.tool_all)
        name = tool.raw_parameter if tool is not None else ""
        if name:
            return [{name: piece} for piece in slices]
    return [_raw_of(tool, piece) for tool, piece in zip(tools_of(batch, tools), slices)]


def _raw_of(tool: Optional[Tool], piece: bytes) -> Any:
    if tool is None:
        return {}
    if tool.raw_parameter:
        return {tool.raw_parameter: piece}
    return Failure(
        "invalid_argument",
        f"tool {tool.name!r} cannot be called with raw bytes: it has not exactly one parameter"
        " that must be given, of type bytes",
        {"tool": tool.name},
    )


def _broken(what: str) -> Failure:
    return Failure("invalid_argument", f"the batch cannot be read: {what}")
