"""A tool that is given many calls as one list."""

from typing import List

from snakepit_bridge import Adapter, tool


class Batching(Adapter):
    @tool(batch=True)
    async def lengths(self, text: List[str]) -> List[int]:
        return [len(x) for x in text]
