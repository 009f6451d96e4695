"""What a running tool can learn about its own call."""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import Callable, Optional, Tuple


class Cancelled(BaseException):
    """Raised in a tool whose call was cancelled or is past its deadline.

    Not an `Exception`, so that `except Exception` does not swallow it. Clean up and let it pass.
    """


class CallContext:
    """One call, as seen by the tool that runs it. May be kept; `cancelled` stays true to that call."""

    __slots__ = (
        "tool",
        "attempt",
        "session",
        "correlation_id",
        "traceparent",
        "deadline",
        "calls",
        "_is_cancelled",
    )

    def __init__(
        self,
        tool: str,
        attempt: int,
        session: str,
        correlation_id: str,
        traceparent: str,
        deadline: Optional[float],
        is_cancelled: Callable[[], bool],
        calls: "Tuple[CallContext, ...]" = (),
    ) -> None:
        self.tool = tool
        #: 1 for the first try.
        self.attempt = attempt
        #: Empty if the call has none; so are the next two.
        self.session = session
        self.correlation_id = correlation_id
        #: W3C trace context.
        self.traceparent = traceparent
        #: In seconds of `time.monotonic()`; None if the call has no deadline.
        self.deadline = deadline
        #: In a tool that is given many calls at once: each of them, in the order of its lists. The deadline
        #: of all is the latest of theirs, and they are cancelled when all are.
        self.calls = calls
        self._is_cancelled = is_cancelled

    def time_left(self) -> Optional[float]:
        """Seconds until the deadline, not below 0; None if there is no deadline."""
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - time.monotonic())

    @property
    def cancelled(self) -> bool:
        """Whether the host has asked for the end of this call."""
        return self._is_cancelled()


Source = Callable[[], Optional[CallContext]]

_source: Optional[Source] = None
_own: "ContextVar[Optional[Source]]" = ContextVar("snakepit_call", default=None)


def set_source(source: Optional[Source]) -> None:
    """Tells where `current` asks, on all threads. For the only lane of a process."""
    global _source
    _source = source


def set_own_source(source: Optional[Source]) -> None:
    """The same for this thread, and for what inherits its context, such as `asyncio.to_thread`."""
    _own.set(source)


def current() -> CallContext:
    """The call that runs now. RuntimeError outside of one."""
    source = _own.get() or _source
    context = source() if source is not None else None
    if context is None:
        raise RuntimeError("snakepit_bridge.current() works only while a tool runs")
    return context
