"""Adapters whose end is of interest."""

import atexit
import os
import sys
import time

from snakepit_bridge import Adapter, tool


class Ends(Adapter):
    def initialize(self):
        atexit.register(lambda: print("at exit"))

    @tool
    def nap(self, seconds: float):
        time.sleep(seconds)
        return "rested"

    @tool
    def spin(self):
        while True:
            pass

    def cleanup(self):
        print("cleaned up")


class Hangs(Ends):
    def cleanup(self):
        print("cleaning for ever")
        time.sleep(60)


class Fails(Ends):
    def cleanup(self):
        raise ValueError("cleanup failed")


class Exits(Ends):
    def cleanup(self):
        sys.exit(5)


class Later(Ends):
    async def cleanup(self):
        print("cleaned up later")


class SlowStart(Adapter):
    def initialize(self):
        print("starting")
        time.sleep(60)

    @tool
    def ok(self):
        return os.getpid()
