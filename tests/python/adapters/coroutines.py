"""Tools for one event loop."""

import asyncio
import itertools
import os
import sys
import threading
import time

from adapters.coroutine_forks import Forks
from snakepit_bridge import Cancelled, current, tool


class Coroutines(Forks):
    def __init__(self):
        self.inside = 0
        self.most = 0
        self.log = []
        self.go = None
        self.left = None

    async def initialize(self):
        self.loop = asyncio.get_running_loop()
        self.go = asyncio.Event()

    async def cleanup(self):
        await asyncio.sleep(0)
        same = asyncio.get_running_loop() is self.loop
        print(f"cleaned up on the same loop: {same}", file=sys.stderr)

    async def _visit(self, seconds):
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.inside -= 1
        return self.most

    @tool
    async def ok(self, x: int):
        return x

    @tool
    async def raw(self, data: bytes):
        return data[::-1]

    @tool
    async def large(self, size: int):
        return "x" * size

    @tool
    async def attach(self):
        return {"b": b"\0\1"}

    @tool
    async def nothing_to_send(self):
        return {1}

    @tool
    async def nap(self, seconds: float):
        """How many calls were ever in it at the same time."""
        return await self._visit(seconds)

    @tool(thread_safe=False)
    async def alone(self, seconds: float):
        return await self._visit(seconds)

    @tool(thread_safe=False)
    def alone_on_thread(self, seconds: float):
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(seconds)
        self.inside -= 1
        return self.most

    @tool
    async def reset(self):
        self.most = 0

    @tool
    async def wait_for_go(self):
        await self.go.wait()
        return "went"

    @tool
    async def let_go(self):
        self.go.set()
        self.go = asyncio.Event()

    @tool
    async def same_loop(self):
        return asyncio.get_running_loop() is self.loop

    @tool
    async def where(self):
        return threading.current_thread() is threading.main_thread()

    @tool
    def plain_where(self):
        return threading.current_thread() is threading.main_thread()

    @tool(thread_sensitive=True)
    def sensitive_where(self):
        return threading.current_thread() is threading.main_thread()

    @tool
    async def named(self):
        """What the call says of itself at its steps, below it, and on a thread."""
        seen = [current().correlation_id]
        await asyncio.sleep(0.01)
        seen.append(current().correlation_id)

        async def below():
            return current().correlation_id

        seen += await asyncio.gather(below(), asyncio.to_thread(lambda: current().correlation_id))
        return seen

    @tool
    def plain_named(self):
        return current().correlation_id

    @tool
    async def leave_task(self):
        """A task that lives on sees no call, whoever has the lane."""

        async def other():
            await asyncio.sleep(0.05)
            try:
                return current().correlation_id
            except RuntimeError:
                return "none"

        self.left = asyncio.ensure_future(other())

    @tool
    async def ask_task(self):
        return await self.left

    @tool
    async def fail(self, n: int = 0):
        await self.work(n)
        raise ValueError("as it should")

    @tool
    def plain_fail(self):
        raise ValueError("on a thread")

    @tool
    async def exit(self, how: str):
        raise {"system": SystemExit(3), "keyboard": KeyboardInterrupt(), "stop": StopAsyncIteration()}[how]

    @tool
    def plain_exit(self, how: str):
        raise {"system": SystemExit(3), "stop": StopIteration()}[how]

    @tool
    async def exit_below(self):
        async def other():
            raise SystemExit(9)

        await asyncio.gather(other(), return_exceptions=True)
        await asyncio.sleep(60)

    @tool
    async def cancel_all(self):
        """What some programs do when they end."""
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    @tool
    async def cancel_all_and_stop(self):
        await self.cancel_all()
        asyncio.get_running_loop().stop()

    @tool
    async def block(self, seconds: float):
        time.sleep(seconds)
        return "blocked"

    @tool
    async def spin(self):
        while True:
            pass

    @tool
    async def spin_below(self):
        async def below():
            while True:
                pass

        await asyncio.gather(below())

    @tool
    async def block_until(self, path: str):
        """Holds up the loop until there is such a file."""
        while not os.path.exists(path):
            time.sleep(0.002)
        return "blocked"

    @tool
    def plain_until(self, path: str):
        while not os.path.exists(path):
            time.sleep(0.002)
        return "waited"

    @tool(thread_sensitive=True)
    def sensitive_spin(self):
        while True:
            pass

    @tool
    def plain_spin(self):
        while True:
            pass

    @tool
    def plain_sleep(self, seconds: float):
        time.sleep(seconds)
        return "slept"

    @tool
    async def swallow(self):
        try:
            self.log.append("begun")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return current().cancelled

    @tool
    async def swallow_once(self):
        try:
            self.log.append("begun")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.log.append("swallowed")
            await asyncio.sleep(60)

    @tool
    async def block_when_cancelled(self):
        try:
            self.log.append("begun")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            time.sleep(60)

    @tool(interrupt=False)
    async def not_interrupted(self, seconds: float):
        await asyncio.sleep(seconds)
        return "done"

    @tool
    async def clean_up(self):
        try:
            await asyncio.sleep(60)
        finally:
            self.log.append("cleaned")

    @tool
    async def clean_up_for_long(self, spins: bool):
        """Its clean-up awaits."""
        try:
            self.log.append("begun")
            while spins:
                pass
            await asyncio.sleep(60)
        finally:
            self.log.append("cleaning")
            await self.go.wait()
            self.log.append("cleaned")

    @tool
    def plain_clean_up(self):
        """The same on a thread."""
        go = self.go
        try:
            self.log.append("begun")
            while True:
                pass
        finally:
            self.log.append("cleaning")
            while go is self.go:
                time.sleep(0.001)
            self.log.append("cleaned")

    @tool
    async def get_log(self):
        return self.log

    @tool
    async def work(self, n: int):
        """Short steps with much to be interrupted at; without end if n is negative."""
        total = 0
        for i in range(n) if n >= 0 else itertools.count():
            total += sum(x for x in range(i % 7))
            if i % 5 == 0:
                await asyncio.sleep(0)
        return total

    @tool
    async def die(self):
        await asyncio.sleep(0.05)
        os.abort()

    @tool
    async def close_output(self):
        sys.stdout.close()
        os.close(1)

    @tool
    async def say(self, text: str):
        print(text)

    @tool
    async def swallow_everything(self):
        while True:
            try:
                await asyncio.sleep(60)
            except Cancelled:
                pass
            except asyncio.CancelledError:
                pass
