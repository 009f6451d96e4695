"""What the tests of forked workers call."""

import os
import random
import secrets
import signal
import time

from snakepit_bridge import Adapter, tool

try:
    import numpy
except ImportError:
    numpy = None


class Forked(Adapter):
    def __init__(self):
        self.hooks = []

    def after_fork(self):
        self.hooks.append("after_fork")

    def initialize(self):
        self.hooks.append("initialize")

    @tool
    def hooks_so_far(self):
        return self.hooks

    @tool
    def draw(self):
        time.sleep(0.05)  # so that every worker gets a call
        numbers = [random.random(), secrets.token_hex(8)]
        if numpy is not None:
            numbers.append(float(numpy.random.random()))
        return {"pid": os.getpid(), "numbers": [str(x) for x in numbers]}

    @tool
    def parent(self):
        return os.getppid()

    @tool
    def crash(self):
        os.kill(os.getpid(), signal.SIGSEGV)

    @tool
    def kill_parent(self):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)
