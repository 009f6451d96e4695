"""What the benchmark of the profile `async` calls."""

import asyncio

from snakepit_bridge import tool


@tool
async def nap(x: int, seconds: float) -> int:
    await asyncio.sleep(seconds)
    return x
