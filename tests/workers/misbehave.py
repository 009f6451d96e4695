"""Tools that do what no tool should."""

import os
import subprocess
import sys
import threading
import time
from typing import Any, Dict, List, Optional

from snakepit_bridge import tool


@tool
def echo(value: Any) -> Any:
    return value


@tool
def add(a: int, b: int = 1) -> int:
    return a + b


@tool
def nothing() -> None:
    pass


@tool
def total(numbers: List[float]) -> float:
    return sum(numbers)


@tool
def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@tool
def say(text: str) -> str:
    print(text)
    print(text + " to stderr", file=sys.stderr)
    return text


@tool
def flood(lines: int) -> int:
    for i in range(lines):
        print("flood", i)
    return lines


@tool
def close_stdout() -> str:
    os.close(1)
    return "closed"


@tool
def close_all() -> str:
    sys.stdout.close()
    os.close(2)
    return "closed"


@tool
def raise_error(message: str = "no") -> None:
    try:
        {}["key"]
    except KeyError as cause:
        raise ValueError(message) from cause


@tool
def leave(code: int) -> None:
    os._exit(code)


@tool
def call_exit(code: int = 1) -> None:
    sys.exit(code)


@tool
def raise_system_exit() -> None:
    raise SystemExit("leave me alone")


@tool
def raise_interrupt() -> None:
    raise KeyboardInterrupt


@tool
def recurse(depth: int = 0) -> int:
    return recurse(depth + 1)


@tool
def die(signal: int) -> None:
    os.kill(os.getpid(), signal)
    time.sleep(10)


@tool
def thing() -> Any:
    return object()


@tool
def nan() -> float:
    return float("nan")


@tool
def number_keys() -> Dict[Any, str]:
    return {1: "one"}


@tool
def surrogate() -> str:
    return "\ud800"


@tool
def endless() -> list:
    out: list = []
    out.append(out)
    return out


@tool
def large(size: int) -> str:
    return "x" * size


@tool
def leave_child(seconds: float) -> int:
    """A grandchild in the worker's group that holds its output."""
    return subprocess.Popen(["sleep", str(seconds)]).pid


@tool
def leave_thread() -> str:
    """A thread that never ends."""
    threading.Thread(target=time.sleep, args=(1000,)).start()
    return "left"


@tool
def count_down(n: int, fail_at: Optional[int] = None) -> int:
    if n == fail_at:
        raise ValueError(f"not {n}")
    return -n


@tool
def process() -> int:
    return os.getpid()
