"""What tests/system/chaos.cpp calls: tools that give back what tells one call from any other."""

import time

from snakepit_bridge import tool


@tool
def echo(nonce: int) -> int:
    return nonce


@tool
def nap(nonce: int, ms: int) -> int:
    time.sleep(ms / 1000)
    return nonce


@tool
def mirror(data: bytes) -> bytes:
    return data
