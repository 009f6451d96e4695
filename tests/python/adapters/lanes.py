"""Tools that run at the same time."""

import asyncio
import os
import sys
import threading
import time

from snakepit_bridge import Cancelled, ThreadSafeAdapter, current, tool


class Lanes(ThreadSafeAdapter):
    def __init__(self):
        self.meeting = threading.Barrier(4)
        self.inside = 0
        self.most = 0
        self.lock = threading.Lock()
        self.go = threading.Event()

    def _visit(self, seconds):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(seconds)
        with self.lock:
            self.inside -= 1
        return self.most

    @tool
    def ok(self, x: int) -> int:
        return x

    @tool
    def meet(self):
        """Returns only if four calls are in it at the same time."""
        return self.meeting.wait(20) >= 0

    @tool
    def meet_then_die(self, dies: bool):
        self.meeting.wait(20)
        if dies:
            os.abort()
        time.sleep(60)

    @tool
    async def meet_later(self):
        await asyncio.to_thread(self.meeting.wait, 20)
        return id(asyncio.get_running_loop())

    @tool(thread_safe=False)
    def alone(self, seconds: float):
        """How many calls of this kind were ever in it at the same time."""
        return self._visit(seconds)

    @tool(thread_safe=False)
    def alone_until(self):
        self.go.wait(20)

    @tool(thread_safe=False)
    async def alone_later(self, seconds: float):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        await asyncio.sleep(seconds)
        self.inside -= 1
        return self.most

    @tool
    def let_go(self):
        self.go.set()

    @tool
    def thread(self):
        return threading.get_ident()

    @tool(thread_sensitive=True)
    def sensitive(self):
        assert current().tool == "sensitive"
        return threading.current_thread() is threading.main_thread()

    @tool(thread_sensitive=True)
    async def sensitive_later(self):
        await asyncio.sleep(0)
        return threading.current_thread() is threading.main_thread()

    @tool(thread_sensitive=True)
    def sensitive_sleep(self, seconds: float):
        time.sleep(seconds)

    @tool(thread_sensitive=True)
    def sensitive_fail(self):
        raise ValueError("on the main thread")

    @tool
    def named(self, wait: float):
        """What the call says of itself, before and after others have begun."""
        before = current().correlation_id
        self.meeting.wait(20)
        time.sleep(wait)
        return [before, current().correlation_id]

    @tool
    async def named_later(self):
        await asyncio.sleep(0)
        return [current().correlation_id, await asyncio.to_thread(lambda: current().correlation_id)]

    @tool
    def spin(self):
        while True:
            pass

    @tool
    def swallow(self):
        try:
            self.spin()
        except Cancelled:
            return current().cancelled

    @tool
    def swallow_once(self):
        try:
            self.spin()
        except Cancelled:
            self.spin()

    @tool
    def work(self, n: int):
        """Python code with many places to be interrupted at."""
        total = 0
        for i in range(n):
            total += sum(x for x in range(i % 7))
        return total

    @tool(thread_sensitive=True)
    def sensitive_work(self, n: int):
        return self.work(n)

    @tool
    def fail(self, n: int):
        self.work(n)
        raise ValueError("as it should")

    @tool
    async def work_later(self, n: int):
        for _ in range(n):
            await asyncio.sleep(0)
        return n

    @tool
    async def later(self):
        await asyncio.sleep(60)

    @tool(interrupt=False)
    def not_interrupted(self, seconds: float):
        time.sleep(seconds)
        return "done"

    @tool
    def exit(self, how: str):
        raise {"system": SystemExit(3), "keyboard": KeyboardInterrupt()}[how]

    @tool
    def exit_at_once(self):
        os._exit(9)

    @tool
    def close_output(self):
        sys.stdout.close()
        os.close(1)

    @tool
    def say(self, text: str):
        print(text)

    @tool
    def fork(self, on_main: bool = False):
        return self._fork()

    @tool(thread_sensitive=True)
    def fork_on_main(self):
        return self._fork()

    def _fork(self):
        """The child returns from the tool, too."""
        pid = os.fork()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if pid else "child"

    def cleanup(self):
        main = threading.current_thread() is threading.main_thread()
        print(f"cleaned up on the main thread: {main}", file=sys.stderr)
