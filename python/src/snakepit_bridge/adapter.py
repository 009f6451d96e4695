"""What an application implements: an `Adapter` with tools, or a module of functions."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Mapping, NamedTuple, Optional, TypeVar, Union, overload

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__snakepit_tool__"


class ToolOptions(NamedTuple):
    """What `@tool(...)` says."""

    name: Optional[str] = None
    description: Optional[str] = None
    idempotent: bool = False
    interrupt: bool = True
    raw: Optional[bool] = None
    thread_safe: bool = True
    thread_sensitive: bool = False
    batch: Union[None, bool, Mapping[str, Any]] = None


@overload
def tool(function: F) -> F: ...


@overload
def tool(
    *,
    name: Optional[str] = None,
    description: Optional[str] = None,
    idempotent: bool = False,
    interrupt: bool = True,
    raw: Optional[bool] = None,
    thread_safe: bool = True,
    thread_sensitive: bool = False,
    batch: Union[None, bool, Mapping[str, Any]] = None,
) -> Callable[[F], F]: ...


def tool(
    function: Optional[F] = None,
    *,
    name: Optional[str] = None,
    description: Optional[str] = None,
    idempotent: bool = False,
    interrupt: bool = True,
    raw: Optional[bool] = None,
    thread_safe: bool = True,
    thread_sensitive: bool = False,
    batch: Union[None, bool, Mapping[str, Any]] = None,
) -> Union[F, Callable[[F], F]]:
    """Makes a function or method callable from C++. The function itself stays as it is.

    name: what it is called from outside; default: its own name. Letters, digits, `_`, `.`, `-`.
    description: default: the first paragraph of its docstring.
    idempotent: running it twice does no harm, so it may be retried after a crash.
    interrupt: whether `Cancelled` may be raised in it when its call is cancelled or late. If not,
        the worker process is ended instead, after a grace time.
    raw: whether it may also be called with bytes and without JSON; default: if exactly one
        parameter must be given and that is annotated bytes.
    thread_safe: False: in a pool of profile `thread` or `async` no two calls of such tools of a worker
        overlap.
    thread_sensitive: runs on the main thread, also in a pool of profile `thread` or `async`.
    batch: True, or what differs from {"max_size": 32, "max_delay": "5ms"}: it is given the calls that
        come close together as one. Each parameter then is a list (or its only one a list of a
        TypedDict), and it returns a list: for each call, in their order, a result or an exception.

    The parameters' type hints make its JSON Schema.

    `async def` works. In a pool of profile `process` or `thread` such a call runs to its end before the next
    call of its lane begins. In one of profile `async` all calls of a worker are tasks of one loop, and others
    go on where one awaits; there a function without `async` runs on a thread beside the loop, or, if it is
    thread sensitive, on the loop, where it holds up all others.
    """
    options = ToolOptions(
        name, description, idempotent, interrupt, raw, thread_safe, thread_sensitive, batch
    )

    def mark(target: F) -> F:
        inner = getattr(target, "__func__", target)  # of a staticmethod or classmethod
        if inspect.isclass(inner) or not callable(inner):
            raise TypeError(f"@tool is for functions and methods, not for {target!r}")
        setattr(inner, MARK, options)
        return target

    return mark if function is None else mark(function)


class Adapter:
    """Base class of what runs in a worker.

    Each worker process has one object, made without arguments. Its tools are called on the main
    thread, one at a time; in a pool of profile `thread`, on several threads at the same time; in one of
    profile `async`, on an event loop, where they take turns, and on threads if they are no coroutines. Tools
    are inherited; a method that overrides a tool stays one, with the options of the tool it overrides
    unless it is marked itself.
    """

    #: Whether its tools may run at the same time. Pools of profile `thread` want it to be True, and those of
    #: profile `async` for tools that are neither `async def` nor thread sensitive. A module of functions
    #: says it by a variable of this name.
    thread_safe = False

    def initialize(self) -> None:
        """Runs once before the worker reports ready. An exception makes the start fail."""

    def cleanup(self) -> None:
        """Runs once after the last call, for a bounded time; not if the process is killed."""

    # May also be defined: `after_fork(self)`, which runs in a worker forked from a template, before
    # `initialize`.


class ThreadSafeAdapter(Adapter):
    """An adapter whose tools may run at the same time."""

    thread_safe = True


#: The name that adapters written for Snakepit know.
BaseAdapter = Adapter
