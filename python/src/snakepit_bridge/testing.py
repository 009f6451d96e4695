"""Runs an adapter in the process of a test, through the real codec, schema check and lane.

::

    from snakepit_bridge import testing

    def test_greets():
        with testing.run(Greeter) as greeter:
            assert greeter.call("greet", name="Ada") == "hello Ada"

What cannot be had here: interrupts, crashes, and a process of its own.
"""

from __future__ import annotations

import inspect
import itertools
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Union

from . import _fits, _loader, _page, _tools, codec
from ._arguments import KIND_RAW
from ._batch import Attached, Batch, Context
from ._errors import Failure, PythonFailure
from ._lane import Finals, Lane, Limits
from ._tools import ToolSpec

__all__ = ["CallFailed", "Running", "run"]


class CallFailed(Exception):
    """A call that failed as it would fail for a C++ caller."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.reason}: {failure.message}")
        #: A word of proto/reasons.txt, such as "python_exception" or "schema_mismatch".
        self.reason = failure.reason
        self.message = failure.message
        self.details = failure.details
        #: The exception that the tool raised: type, message, frames, cause.
        self.python: Optional[PythonFailure] = failure.python


class Running:
    """An initialized adapter that can be called."""

    def __init__(self, tools: Sequence[ToolSpec], adapter: Any, limits: Limits) -> None:
        #: The adapter object, to look into.
        self.adapter = adapter
        self._tools = {tool.name: tool for tool in tools}
        words = _page.words(_page.private_page(), 0)
        self._lane: Lane[Finals] = Lane(words, limits, lambda finals: finals, lambda _: b"")
        self._limits = limits
        self._numbers = itertools.count(1)
        for tool in tools:
            self._lane.add(tool, adapter)

    @property
    def tools(self) -> List[str]:
        return list(self._tools)

    def schema(self, tool: str) -> Dict[str, Any]:
        """JSON Schema of a tool's arguments."""
        return self._find(tool).schema

    def call(self, tool: str, /, **arguments: Any) -> Any:
        """The result of a tool, as a C++ caller gets it. Raises CallFailed."""
        return self.call_with(tool, arguments)

    def call_with(
        self,
        tool: str,
        arguments: Dict[str, Any],
        *,
        timeout: Optional[float] = None,
        session: str = "",
        correlation_id: str = "",
        attempt: int = 1,
    ) -> Any:
        """`call` with what a caller may say besides the arguments. `timeout` in seconds: what the
        tool is told; nobody ends it here."""
        spec = self._find(tool)
        sent = self._checked(spec, arguments)
        return self._run(
            Batch(
                first_seq=next(self._numbers),
                count=1,
                tool_all=spec.number,
                args=b"[%s]" % sent.data,
                attachments=[Attached(0, sent.attachments)] if sent.attachments else (),
                budget_us=[max(1, int(timeout * 1e6))] if timeout is not None else (),
                context=[Context(0, session, "", correlation_id, attempt)],
            )
        )

    def call_many(self, tool: str, calls: Sequence[Dict[str, Any]]) -> List[Any]:
        """Gives a tool with `batch` several calls at once. For each, in their order, the result, or
        the CallFailed that it would raise."""
        spec = self._find(tool)
        if spec.batch is None:
            raise ValueError(f"tool {tool!r} is not called in batches")
        sent, attached = [], []
        for index, arguments in enumerate(calls):
            one = self._checked(spec, arguments)
            sent.append(one.data)
            if one.attachments:
                attached.append(Attached(index, one.attachments))
        first = next(self._numbers)
        for _ in calls[1:]:
            next(self._numbers)
        batch = Batch(
            first_seq=first,
            count=len(calls),
            tool_all=spec.number,
            args=b"[%s]" % b",".join(sent),
            attachments=attached,
            together=True,
        )
        results: List[Any] = []
        for finals in self._lane.run(batch):
            for index, data in enumerate(finals.parts):
                failure = finals.failures.get(index)
                results.append(
                    CallFailed(failure)
                    if failure
                    else codec.decode(data, finals.attachments.get(index, ()))
                )
        return results

    def call_raw(self, tool: str, data: bytes) -> bytes:
        """Calls a tool that takes raw bytes. Raises CallFailed."""
        result: bytes = self._run(
            Batch(
                first_seq=next(self._numbers),
                count=1,
                kind=KIND_RAW,
                tool_all=self._find(tool).number,
                data=data,
                size=[len(data)],
            )
        )
        return result

    def _checked(self, spec: ToolSpec, arguments: Dict[str, Any]) -> codec.Encoded:
        try:
            sent = codec.encode(
                arguments, max_bytes=self._limits.payload_bytes, reason="invalid_argument"
            )
            misfit = _fits.violation(spec.schema, codec.decode(sent.data, sent.attachments))
        except codec.CodecError as error:
            raise CallFailed(Failure(error.reason, str(error), {"path": error.path})) from None
        if misfit:
            text = f"{misfit[0]}: {misfit[1]}"
            raise CallFailed(Failure("schema_mismatch", text, {"path": misfit[0]}))
        return sent

    def _find(self, tool: str) -> ToolSpec:
        spec = self._tools.get(tool)
        if spec is None:
            text = f"there is no tool {tool!r}; there are {', '.join(self._tools)}"
            raise CallFailed(Failure("unknown_tool", text, {"tool": tool}))
        return spec

    def _run(self, batch: Batch) -> Any:
        (finals,) = self._lane.run(batch)
        if finals.failures:
            raise CallFailed(finals.failures[0])
        data = b"".join(finals.parts)
        if batch.kind == KIND_RAW:
            return data
        return codec.decode(data, finals.attachments.get(0, ()))


@contextmanager
def run(
    adapter: Union[type, ModuleType, str],
    *,
    payload_bytes: int = Limits().payload_bytes,
) -> Iterator[Running]:
    """Makes and initializes an adapter, and cleans up at the end.

    `adapter`: a class, a module, or text such as "package.module:Class".
    """
    if isinstance(adapter, str):
        loaded = _loader.load(adapter)
        tools, made = loaded.tools, _loader.make(adapter, loaded)
    elif isinstance(adapter, ModuleType):
        tools, made = _tools.of_module(adapter), adapter
    else:
        tools, made = _tools.of_class(adapter), adapter()
    running = Running(tools, made, Limits(payload_bytes))
    _hook(running, "initialize")
    try:
        yield running
    finally:
        _hook(running, "cleanup")


def _hook(running: Running, name: str) -> None:
    hook = getattr(running.adapter, name, None)
    result = hook() if hook is not None else None
    if inspect.iscoroutine(result):
        running._lane.loop.run(result)
