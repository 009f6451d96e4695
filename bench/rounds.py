"""What the measurements of run.py share: the programs, and rounds of what is compared, interleaved."""

import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ADAPTER = str(HERE / "adapter.py")
ASYNC_ADAPTER = str(HERE / "adapter_async.py")
MATRIX_ADAPTER = str(HERE / "adapter_matrix.py")
NUMPY_ADAPTER = str(HERE / "adapter_numpy.py")
PATIENCE = 180  # seconds that one program may take
PEERS = ["/usr/bin/python3", str(HERE / "peers.py")]


class Failed(Exception):
    pass


class Bench:
    """Where the programs are, and how long a round takes."""

    def __init__(self, build, rounds, seconds):
        self.programs = build / "bench"
        self.snakepit = build / "actors" / "cli" / "snakepit"
        self.rounds = rounds
        self.seconds = str(seconds)

    def ours(self, name, *arguments, adapter=ADAPTER):
        return [str(self.programs / "snakepit_bench"), name, adapter, *map(str, arguments)]

    def cost(self, *arguments):
        return [str(self.programs / "snakepit_host_cost"), ADAPTER, *map(str, arguments)]

    def peer(self, *arguments):
        return [*PEERS, *map(str, arguments)]

    def interleaved(self, commands, rounds=None):
        """{name: {figure: median}} of commands {name: command, or a function that measures}."""
        seen = {name: [] for name in commands}
        for number in range(rounds or self.rounds):
            for name, command in commands.items():
                note(f"{name}, round {number + 1}")
                seen[name].append(command() if callable(command) else run(command))
        note("")
        return {name: medians(found) for name, found in seen.items()}


def note(text):
    """What is under way, for people who wait."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def run(command):
    """The figures that a program prints."""
    try:
        it = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)}: not done after {PATIENCE} s") from None
    if it.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit {it.returncode}\n{it.stderr}")
    return json.loads(it.stdout)


def medians(rounds):
    return {key: statistics.median(x[key] for x in rounds) for key in rounds[0]}


def ratio(over, under):
    return over / under if under else float("nan")
