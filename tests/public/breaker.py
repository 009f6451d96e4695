"""Tools that fail, or crash, when they are told to."""

import os
import signal
import time

from snakepit_bridge import tool


@tool
def work(how: str = "well", seconds: float = 0) -> int:
    """Ends as it is told to; the number of its process."""
    time.sleep(seconds)
    if how == "raise":
        raise ValueError("as told")
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(10)
    if how == "exit":
        os._exit(3)
    return os.getpid()


@tool
def other() -> int:
    return os.getpid()
