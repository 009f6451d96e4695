"""Work that lets go of Python's lock."""

import numpy

from snakepit_bridge import tool

thread_safe = True

#: Its square takes some tens of milliseconds, beside which the way there and back is nothing.
matrix = numpy.random.default_rng(1).random((400, 400))


@tool
def multiply(x: int) -> int:
    return x if (matrix @ matrix).shape == matrix.shape else -1
