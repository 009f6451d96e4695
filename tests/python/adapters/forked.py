"""What workers forked from a template are asked."""

import os
import random
import secrets
import signal
import subprocess
import sys

from snakepit_bridge import Adapter, tool


class Forked(Adapter):
    def __init__(self):
        self.hooks = []

    def after_fork(self):
        self.hooks.append("after_fork")

    def initialize(self):
        self.hooks.append("initialize")

    @tool
    def order(self):
        return self.hooks

    @tool
    def draw(self):
        drawn = [random.random(), secrets.token_hex(8)]
        if "numpy" in sys.modules:
            drawn.append(float(sys.modules["numpy"].random.random()))
        return drawn

    @tool
    def about(self):
        with open("/proc/self/status") as file:
            status = dict(x.split(":\t", 1) for x in file.read().splitlines())
        with open("/proc/self/cmdline") as file:
            command = file.read().rstrip("\0").split("\0")
        return {
            "parent": os.getppid(),
            "session": os.getsid(0),
            "descriptors": sorted(map(int, os.listdir("/proc/self/fd"))),
            "blocked": status["SigBlk"],
            "hangup": str(signal.getsignal(signal.SIGHUP)),
            "command": command,
            "name": status["Name"],
            "ours": {k: v for k, v in os.environ.items() if k.startswith("SNAKEPIT_")},
            "argv": sys.argv[1:],
        }

    @tool
    def imported(self, name: str):
        return name in sys.modules

    @tool
    def start_child(self):
        return subprocess.Popen(["sleep", "1000"]).pid

    @tool
    def crash(self):
        os.kill(os.getpid(), signal.SIGSEGV)

    @tool
    def leave(self, code: int):
        os._exit(code)

    @tool
    def nap(self, seconds: float):
        import time

        time.sleep(seconds)
