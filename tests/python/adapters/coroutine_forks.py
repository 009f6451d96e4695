"""Tools for one event loop that fork."""

import asyncio
import os
import signal
import sys

from snakepit_bridge import ThreadSafeAdapter, tool


class Forks(ThreadSafeAdapter):
    @tool
    async def fork(self):
        """The child returns from the tool, too."""
        pid = os.fork()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if pid else "child"

    @tool
    async def fork_and_await(self):
        pid = os.fork()
        if pid:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        await asyncio.sleep(0)
        return "child"

    @tool
    def plain_fork(self):
        pid = os.fork()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if pid else "child"

    @tool
    async def fork_and_spin(self):
        return self.fork_and_spin_at_once()

    @tool(thread_sensitive=True)
    def fork_and_spin_at_once(self):
        pid = os.fork()
        if not pid:
            return "child"
        os.waitpid(pid, 0)
        while True:
            pass

    @tool
    async def fork_below(self, how: str):
        """Forks in a task or callback of its own; how the child ends."""
        loop = asyncio.get_running_loop()
        forked = loop.create_future()

        def fork():
            pid = os.fork()
            if pid:
                forked.set_result(pid)
            elif how == "exit":
                sys.exit(7)
            elif how == "stop":
                loop.stop()

        async def task():
            fork()
            if how == "await":
                await asyncio.sleep(0)

        if how == "callback":
            loop.call_soon(fork)
        else:
            self.left = asyncio.ensure_future(task())
        pid = await forked
        for _ in range(1000):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            await asyncio.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "went on"

    @tool
    async def leave_late(self):
        """Forks behave as on a loop that has no front of its queue from now on."""

        ready = self.loop._ready
        os.register_at_fork(after_in_child=lambda: ready.append(ready.popleft()))

    @tool
    async def write_at_each_turn(self, path: str, name: str, below: bool):
        """Ready whenever the loop comes round, until it is let go; how many lines it has written."""
        go = self.go

        async def write():
            count = 0
            while go is self.go:
                with open(path, "a") as file:
                    file.write(f"{name} {count}\n")
                count += 1
                await asyncio.sleep(0)
            return count

        return await asyncio.ensure_future(write()) if below else await write()
