"""What the tests of recycling call."""

import os
import time

from snakepit_bridge import tool

_kept: list[bytearray] = []


def _touched(mebibytes: float) -> bytearray:
    held = bytearray(int(mebibytes * (1 << 20)))
    held[::4096] = b"\x01" * len(held[::4096])
    return held


@tool
def pid() -> int:
    return os.getpid()


@tool
def work(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


@tool
def leak(mebibytes: float) -> int:
    """Never gives it back."""
    _kept.append(_touched(mebibytes))
    return os.getpid()


@tool
def grab(mebibytes: float, seconds: float) -> int:
    """Holds it all at once for a while."""
    held = _touched(mebibytes)
    time.sleep(seconds)
    return len(held)
