"""What the benchmarks call."""

import os
from time import monotonic_ns, sleep
from typing import Any, List

from snakepit_bridge import tool

thread_safe = True


@tool
def echo(x: Any) -> Any:
    return x


@tool(raw=True)
def echo_bytes(data: bytes) -> bytes:
    return data


@tool
def timed(x: int, seconds: float) -> List[int]:
    """x, the process and when it ran, by the clock that all processes share."""
    begin = monotonic_ns()
    if seconds > 0:
        sleep(seconds)
    return [x, os.getpid(), begin, monotonic_ns()]


def _fixed_cost() -> None:
    """What an invocation takes, for however many calls it is."""
    sleep(0.005)


@tool
def costly(x: int) -> int:
    _fixed_cost()
    return x


@tool(batch={"max_size": 32, "max_delay": "5ms"})
def costly_together(x: List[int]) -> List[int]:
    _fixed_cost()
    return x


@tool
def nap(x: int, seconds: float) -> int:
    sleep(seconds)
    return x


@tool
def leave() -> None:
    os._exit(3)


@tool
def process_id() -> int:
    return os.getpid()
