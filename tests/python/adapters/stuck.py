"""Tools that do not end by themselves, each stuck in another way."""

import asyncio
import re
import socket
import subprocess
import sys
import threading
import time

from snakepit_bridge import Adapter, Cancelled, current, tool


class Stuck(Adapter):
    cleaned = False

    @tool
    def ok(self, x: int) -> int:
        return x

    @tool
    def sleep(self):
        time.sleep(60)

    @tool
    def recv(self):
        ours, theirs = socket.socketpair()
        ours.recv(1)

    @tool
    def lock(self):
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()

    @tool
    def event(self):
        threading.Event().wait()

    @tool
    def process(self):
        subprocess.run(["sleep", "60"])

    @tool
    def regex(self):
        """Holds the GIL."""
        re.match(r"(a+)+$", "a" * 60 + "b")

    @tool
    def spin(self):
        while True:
            pass

    @tool
    def callback(self):
        """Spins in Python called from C."""
        sorted(range(10), key=lambda _: self.spin())

    @tool
    async def later(self):
        await asyncio.sleep(60)

    @tool
    async def blocked_later(self):
        """An async tool that blocks its loop."""
        time.sleep(60)

    @tool
    async def blocked_task(self):
        """Another task blocks the loop."""

        async def other():
            time.sleep(60)

        await asyncio.gather(other())

    @tool
    def stubborn(self):
        """Cleans up for a while and passes Cancelled on as the cause of something else."""
        try:
            time.sleep(60)
        except Cancelled as cancelled:
            raise RuntimeError("was told to stop") from cancelled

    @tool
    def swallow(self):
        try:
            time.sleep(60)
        except Cancelled:
            return current().cancelled

    @tool(interrupt=False)
    def not_interrupted(self, seconds: float):
        time.sleep(seconds)
        return "done"

    @tool
    def raise_cancelled(self):
        raise Cancelled()

    @tool
    def work(self, n: int):
        """Python code with many places to be interrupted at."""
        total = 0
        for i in range(n):
            total += sum(x for x in range(i % 7))
        return total

    @tool
    async def work_later(self, n: int):
        for _ in range(n):
            await asyncio.sleep(0)
        return n

    @tool
    def fail(self, n: int):
        self.work(n)
        raise ValueError("as it should")

    def cleanup(self):
        print("cleaned up", file=sys.stderr)
