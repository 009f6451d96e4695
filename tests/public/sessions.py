"""Tools that say which worker runs them."""

import os
import time

from snakepit_bridge import tool


@tool
def where(seconds: float = 0) -> int:
    time.sleep(seconds)
    return os.getpid()


@tool
def hold(started: str, go: str) -> int:
    """Makes one file, then waits until there is another."""
    open(started, "w").close()
    while not os.path.exists(go):
        time.sleep(0.005)
    return os.getpid()


@tool
def die():
    os.abort()
