"""Tools that do not end by themselves, each in another way."""

import os
import re
import time


def spin():
    while True:
        pass


def sleep():
    time.sleep(1e6)


def hold_gil():
    re.match(r"(a+)+$", "a" * 60 + "b")


def wait_in_the_kernel():
    reading, _writing = os.pipe()
    os.read(reading, 1)


def refuse():
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            pass


def pid():
    return os.getpid()
