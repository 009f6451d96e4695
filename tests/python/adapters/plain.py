"""Tools of every simple kind, some of which misbehave."""

import asyncio
import os
import sys
import threading
import time
from typing import Any, Dict, List, Optional

from snakepit_bridge import Adapter, current, tool


class Plain(Adapter):
    def initialize(self) -> None:
        self.calls = 0

    @tool
    def echo(self, value: Any = None) -> Any:
        """Gives back what it gets."""
        return value

    @tool
    def add(self, a: int, b: int = 1) -> int:
        return a + b

    @tool
    async def add_later(self, a: int, b: int) -> int:
        await asyncio.sleep(0.001)
        return a + b

    @tool
    def count(self) -> int:
        self.calls += 1
        return self.calls

    @tool
    def reverse(self, data: bytes) -> bytes:
        return data[::-1]

    @tool(name="math.mean-1", description="The mean.", idempotent=True, interrupt=False)
    def mean(self, values: List[float]) -> float:
        return sum(values) / len(values)

    @staticmethod
    @tool
    def static(x: Optional[int] = None) -> Dict[str, Any]:
        return {"x": x}

    @tool
    def pid(self) -> int:
        return os.getpid()

    @tool
    def is_on_main_thread(self) -> bool:
        return threading.current_thread() is threading.main_thread()

    @tool
    def context(self) -> Dict[str, Any]:
        c = current()
        return {
            "tool": c.tool,
            "attempt": c.attempt,
            "session": c.session,
            "correlation_id": c.correlation_id,
            "traceparent": c.traceparent,
            "time_left": c.time_left(),
            "cancelled": c.cancelled,
        }

    @tool
    def nap(self, seconds: float) -> None:
        time.sleep(seconds)

    @tool
    def say(self, text: str, err: bool = False) -> None:
        print(text, file=sys.stderr if err else sys.stdout)
