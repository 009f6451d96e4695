"""What the storms of interrupts call: short, in Python code, and different in how they end."""

from snakepit_bridge import Adapter, tool


class StormTools(Adapter):
    @tool
    def nothing(self):
        pass

    @tool
    def work(self):
        return sum(x for x in range(20))

    @tool
    def fail(self):
        raise ValueError("as it should")

    @tool
    def encode_much(self):
        return [{"a": (1, 2), "b": [b"x"]}] * 5
