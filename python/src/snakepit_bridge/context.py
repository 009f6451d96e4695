"""What a running tool can learn about its own call."""

from __future__ import annotations

import time
from typing import Callable, Optional


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


_source: Optional[Callable[[], Optional[CallContext]]] = None


def set_source(source: Optional[Callable[[], Optional[CallContext]]]) -> None:
    """Tells where `current` asks. For the lane only."""
    global _source
    _source = source


def current() -> CallContext:
    """The call that runs now. RuntimeError outside of one."""
    context = _source() if _source is not None else None
    if context is None:
        raise RuntimeError("snakepit_bridge.current() works only while a tool runs")
    return context
