"""Tools that end their worker process, each in a way of its own."""

import ctypes
import os
from typing import Optional


def work(number: int, die: Optional[str] = None) -> int:
    """The square of a number; or the end: segfault, abort or exit."""
    if die == "segfault":
        _segfault()
    elif die == "abort":
        os.abort()
    elif die == "exit":
        os._exit(3)
    elif die is not None:
        raise ValueError(f"cannot die by {die}")
    return number * number


def _segfault() -> None:
    """Reads from address 0."""
    ctypes.string_at(0)
