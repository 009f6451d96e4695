"""What the tests of the public API call."""

import os
import time


def echo(x):
    return x


def add(a: int, b: int) -> int:
    return a + b


def pid() -> int:
    return os.getpid()


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


def fail(text: str):
    raise ValueError(text)


def reverse(data: bytes) -> bytes:
    return data[::-1]


def die():
    os.abort()


def environment(name: str):
    return os.environ.get(name)


def die_at(x: int, at: int) -> int:
    if x == at:
        os.abort()
    return x
