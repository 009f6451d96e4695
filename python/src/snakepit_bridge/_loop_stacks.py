"""The stacks of coroutines that wait, written as faulthandler writes those of threads.

Where each of them stands is not on any thread's stack. What is executed is, and is left out here. Called with
Python's lock held, by a thread that runs no tool; a coroutine may go on at any step of this, so what is read
is what was there.
"""

from __future__ import annotations

import os
from typing import Any, Iterable, List

#: More than these are not told: whoever reads them wants the one that is stuck.
MOST_CALLS = 48
MOST_FRAMES = 64
#: What the host knows a tool's end of the stack by; `call_tool` of `_loop_lane`.
_CALLED_BY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_loop_lane.py")
_CALLED_IN = "call_tool"


def text_of(name: str, coroutine: Any) -> str:
    """The stack of a coroutine, innermost frame first; empty if it has ended."""
    lines: List[str] = []
    number = id(coroutine)
    while coroutine is not None and len(lines) < MOST_FRAMES:
        frame = _first(coroutine, ("cr_frame", "gi_frame", "ag_frame"))
        if frame is None:
            break
        code = frame.f_code
        lines.append(f'  File "{code.co_filename}", line {frame.f_lineno} in {code.co_name}\n')
        coroutine = _first(coroutine, ("cr_await", "gi_yieldfrom", "ag_await"))
    if not lines:
        return ""
    lines.reverse()
    head = f"Thread 0x{number:016x} [{name}] (most recent call first):\n"
    return head + "".join(lines) + f'  File "{_CALLED_BY}", line 1 in {_CALLED_IN}\n\n'


def write(fd: int, texts: Iterable[str]) -> None:
    """Never fails, whatever making a text raises: what comes before it is written."""
    made: List[str] = []
    try:
        made.extend(texts)
    except Exception:
        pass
    try:
        os.write(fd, "".join(made).encode("utf-8", "replace"))
    except OSError:
        pass


def _first(of: Any, names: "tuple[str, ...]") -> Any:
    for name in names:
        try:
            found = getattr(of, name, None)
        except Exception:  # what a tool awaits may be of its own making
            continue
        if found is not None:
            return found
    return None
