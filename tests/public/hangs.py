"""What a stop may meet. Each tool makes the file `mark` when it is about to hang."""

import atexit
import os
import re
import signal
import subprocess
import sys
import time

from snakepit_bridge import Adapter, tool


def _deaf():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass


def _mark(path):
    open(path, "w").close()


def just_mark(mark: str):
    _mark(mark)


def hold_gil(mark: str):
    _deaf()
    _mark(mark)
    re.match(r"(a+)+$", "a" * 60 + "b")


def ignore_all(mark: str):
    _deaf()
    _mark(mark)
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            pass


def hang_atexit(mark: str):
    atexit.register(time.sleep, 1000)
    _mark(mark)


def flood(mark: str):
    _mark(mark)
    while True:
        print("x" * 4000)


def leave_child(mark: str):
    """A child that is in no group of ours and holds all pipes."""
    child = subprocess.Popen(["sleep", "30"], start_new_session=True, close_fds=False)
    with open(mark, "w") as file:
        file.write(str(child.pid))


def stop_self(mark: str):
    _mark(mark)
    os.kill(os.getpid(), signal.SIGSTOP)


def stop_template(mark: str):
    os.kill(os.getppid(), signal.SIGSTOP)
    _mark(mark)


class Hanging(Adapter):
    """`HANG` in its environment says where it hangs: "initialize" or "cleanup"."""

    @tool
    def call(self, name: str, mark: str):
        return globals()[name](mark)

    @tool
    def echo(self, x):
        return x

    def initialize(self):
        if os.environ.get("HANG") == "initialize":
            _mark(os.environ["MARK"])
            time.sleep(1000)

    def cleanup(self):
        if os.environ.get("HANG") == "cleanup":
            _deaf()
            time.sleep(1000)
