"""What runs in workers whose host is killed: some leave children, some hold the GIL for good."""

import re
import subprocess


def work(i: int) -> int:
    if i % 7 == 0:
        subprocess.Popen(["sleep", "1000"])
    if i % 97 == 0:
        re.match(r"(a+)+$", "a" * 60 + "b")
    return i
