"""What the tests of batches call."""

import os
import random
import time


def square(x: int) -> int:
    return x * x


def jump(x: int) -> int:
    """Takes now this long, now that long."""
    time.sleep(random.random() * 0.003)
    return x


def odd(x: int) -> int:
    if x % 2 == 0:
        raise ValueError(f"{x} is even")
    return x


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


def large(x: int) -> str:
    return "x" * 100_000


def die_at(x: int, at: int) -> int:
    if x == at:
        os.abort()
    return x
