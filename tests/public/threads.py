"""What the tests of the profile `thread` call."""

import os
import threading
import time

from snakepit_bridge import ThreadSafeAdapter, tool


class Threads(ThreadSafeAdapter):
    def __init__(self):
        self.meetings = {}
        self.lock = threading.Lock()

    @tool
    def meet(self, n: int, meeting: int = 0) -> int:
        """Returns only if n calls are in it at the same time."""
        with self.lock:
            barrier = self.meetings.setdefault(meeting, threading.Barrier(n))
        barrier.wait(20)
        return os.getpid()

    @tool
    def meet_and(self, then: str) -> str:
        """Four calls meet; then each goes its way."""
        self.meet(4)
        if then == "die":
            os.abort()
        if then == "spin":
            while True:
                pass
        time.sleep(60)
        return "slept"

    @tool(interrupt=False)
    def stuck(self) -> None:
        """A call that nothing ends but its process's end."""
        self.meet(4)
        time.sleep(60)

    @tool
    def slow(self) -> str:
        self.meet(4)
        time.sleep(60)
        return "slept"

    @tool
    def brief(self, seconds: float) -> str:
        self.meet(4)
        time.sleep(seconds)
        return "done"

    @tool
    def pid(self) -> int:
        return os.getpid()

    @tool(thread_sensitive=True)
    def on_main_thread(self) -> bool:
        return threading.current_thread() is threading.main_thread()

    @tool
    def environment(self, name: str):
        return os.environ.get(name)
