"""Tools that are given many calls at once."""

import os
import threading
import time
from typing import Any, List, TypedDict

from snakepit_bridge import ThreadSafeAdapter, current, tool


class Item(TypedDict, total=False):
    do: str
    seconds: float


class Model(ThreadSafeAdapter):
    all_three = threading.Barrier(3)

    @tool(batch={"max_size": 32, "max_delay": "200ms"})
    def size(self, x: List[int]) -> List[Any]:
        """How many calls there were, and the call's own argument."""
        return [[len(x), one] for one in x]

    @tool(batch={"max_size": 32, "max_delay": "1s"})
    def patient(self, x: List[int]) -> List[Any]:
        """The same, but it waits for as long as it may."""
        return self.size(x)

    @tool(batch={"max_size": 2, "max_delay": "1s"})
    def pair(self, begun: List[str], seconds: List[float]) -> List[int]:
        """Makes these files and sleeps as long as all want together; the number of calls."""
        for path in begun:
            open(path, "w").close()
        time.sleep(sum(seconds))
        return [len(seconds)] * len(seconds)

    @tool(batch={"max_size": 64, "max_delay": "20ms"}, idempotent=True)
    def each(self, items: List[Item]) -> List[Any]:
        """Does what each says; the process and the number of calls, or an error of its own."""
        ends = []
        for one in items:
            do = one.get("do", "")
            if do == "fail":
                ends.append(ValueError("no"))
                continue
            if do == "raise":
                raise KeyError("for all")
            if do == "die" or (do == "die once" and current().calls[0].attempt == 1):
                os.abort()
            if do == "meet":
                self.all_three.wait(20)
            if do == "sleep":
                time.sleep(one["seconds"])
            if do == "unserializable":
                ends.append({1, 2})
                continue
            ends.append([os.getpid(), len(items)])
        return ends

    @tool(batch=True)
    def wrong(self, x: List[int]):
        return x[1:]

    @tool(batch={"max_size": 4, "max_delay": "1s"})
    def raw(self, data: List[bytes]) -> List[bytes]:
        return [b"%s of %d" % (one[::-1], len(data)) for one in data]

    @tool(batch={"max_size": 2, "max_delay": "1s"}, thread_sensitive=True)
    def on_main(self, x: List[int]) -> List[int]:
        return [len(x)] * len(x)

    @tool
    def alone(self, x: int) -> int:
        return x
