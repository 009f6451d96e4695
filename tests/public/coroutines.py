"""What the tests of the profile `async` call."""

import asyncio
import os
import threading
import time

from snakepit_bridge import Adapter, current, tool


class Coroutines(Adapter):
    def __init__(self):
        self.inside = 0
        self.most = 0

    async def initialize(self):
        self.loop = asyncio.get_running_loop()

    @tool
    async def nap(self, seconds: float = 0.3) -> int:
        """How many calls were in it at one moment so far."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.inside -= 1
        return self.most

    @tool
    async def pid(self) -> int:
        return os.getpid()

    @tool
    async def who(self) -> list:
        await asyncio.sleep(0.01)
        return [current().correlation_id, await asyncio.to_thread(lambda: current().correlation_id)]

    @tool
    async def on_the_hooks_loop(self) -> bool:
        main = threading.current_thread() is threading.main_thread()
        return main and asyncio.get_running_loop() is self.loop

    @tool
    async def block(self, seconds: float = 60.0) -> str:
        time.sleep(seconds)
        return "blocked"

    @tool
    async def spin(self) -> None:
        while True:
            pass

    @tool(interrupt=False)
    async def stuck(self) -> None:
        """Awaits, and nothing ends it but its process's end."""
        await asyncio.sleep(60)

    @tool
    async def die(self) -> None:
        os.abort()

    @tool(thread_sensitive=True)
    def on_main_thread(self) -> bool:
        return threading.current_thread() is threading.main_thread()

    @tool
    async def environment(self, name: str):
        return os.environ.get(name)
