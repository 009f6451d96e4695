"""What the tests of receipts call."""

import os
import time

from snakepit_bridge import ThreadSafeAdapter, tool


def _burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


class Receipts(ThreadSafeAdapter):
    def __init__(self):
        self.kept = []

    @tool
    def burn(self, seconds: float) -> str:
        _burn(seconds)
        return "burnt"

    @tool(thread_sensitive=True)
    def burn_on_main(self, seconds: float) -> str:
        _burn(seconds)
        return "burnt"

    @tool
    def sleep(self, seconds: float) -> str:
        time.sleep(seconds)
        return "slept"

    @tool
    def keep(self, megabytes: int) -> int:
        """Keeps memory, and takes long enough for that to be measured."""
        self.kept.append(b"x" * (megabytes << 20))
        time.sleep(0.02)
        return len(self.kept)

    @tool
    def fail(self, seconds: float):
        _burn(seconds)
        raise ValueError("no")

    @tool(idempotent=True)
    def die_once(self, path: str) -> str:
        if not os.path.exists(path):
            open(path, "w").close()
            os.abort()
        os.unlink(path)
        return "survived"

    @tool
    def die(self):
        os.abort()
