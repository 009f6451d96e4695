"""Runs the real command with real workers, and looks at what it leaves behind."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADAPTERS = ROOT / "examples" / "adapters"
MISBEHAVE_FOLDER = str(ROOT / "tests" / "workers")
MISBEHAVE = f"{MISBEHAVE_FOLDER}/misbehave.py"
SNAKEPIT = os.environ["SNAKEPIT"]
#: Far above what anything takes, even on a machine that is busy.
LIMIT = 120


def eventually(deadline, predicate):
    """Waits until `predicate` returns something true, `deadline` seconds at most; returns it."""
    end = time.monotonic() + deadline
    while not (result := predicate()) and time.monotonic() < end:
        time.sleep(0.01)
    return result


class Ended:
    """How the command ended."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out.decode(errors="replace")
        self.err = err.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self):
        """The error that --json prints."""
        return self.json["error"]

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out[:2000]}\n--- stderr\n{self.err[:4000]}"


class Host:
    def __enter__(self):
        # Not pytest's: the path of a socket must be short.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="snakepit-test-"))
        self.run_dir = self.folder / "run"
        self.state_dir = self.folder / "state"
        self.temporary = self.folder / "tmp"
        self.work = self.folder / "work"
        for folder in (self.run_dir, self.state_dir, self.temporary, self.work):
            folder.mkdir(mode=0o700)
        self.mark = uuid.uuid4().hex
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SNAKEPIT__")},
            "SNAKEPIT_TEST": self.mark,
            "SNAKEPIT__INSTANCE__RUN_DIR": str(self.run_dir),
            "SNAKEPIT__INSTANCE__STATE_DIR": str(self.state_dir),
            "TMPDIR": str(self.temporary),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.environment.pop("SNAKEPIT_CONFIG", None)
        return self

    def __exit__(self, *_):
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.folder)

    def file(self, name, text):
        """A file in the working directory; its path."""
        path = self.work / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def set(self, **keys):
        """Configuration by environment: `POOLS__default__WORKERS="1"`."""
        for key, value in keys.items():
            self.environment[f"SNAKEPIT__{key}"] = value

    def start(self, *arguments, **options):
        """The command under way, as a subprocess.Popen."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        options.setdefault("stdin", subprocess.DEVNULL)
        command = [SNAKEPIT, *map(str, arguments)]
        return subprocess.Popen(command, cwd=self.work, env=self.environment, **options)

    def run(self, *arguments, stdin=b"", **options):
        """The command to its end."""
        stdin = stdin if isinstance(stdin, bytes) else stdin.encode()
        it = self.start(*arguments, stdin=subprocess.PIPE, **options)
        try:
            out, err = it.communicate(stdin, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            it.kill()
            out, err = it.communicate()
            raise AssertionError(f"{arguments} did not end: {Ended(None, out or b'', err or b'')}")
        return Ended(it.returncode, out or b"", err or b"")

    def call(self, tool, *arguments, adapter=MISBEHAVE, **options):
        return self.run("call", adapter, tool, *arguments, **options)

    def map(self, tool, *arguments, adapter=MISBEHAVE, **options):
        return self.run("map", adapter, tool, *arguments, **options)

    def processes(self):
        """(pid, command line) of everything that was started here and still runs."""
        found = []
        for path in pathlib.Path("/proc").iterdir():
            if not path.name.isdigit():
                continue
            try:
                environment = (path / "environ").read_bytes()
                state = (path / "stat").read_text().rpartition(")")[2].split()[0]
                line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"SNAKEPIT_TEST={self.mark}".encode() in environment and state != "Z":
                found.append((int(path.name), line))
        return found

    def workers(self):
        """Executed or forked."""
        names = ("snakepit_bridge.worker", "snakepit-worker")
        return [(pid, line) for pid, line in self.processes() if any(x in line for x in names)]

    def check_nothing_is_left(self):
        eventually(LIMIT, lambda: not self.processes())
        assert self.processes() == []
        assert list(self.run_dir.iterdir()) == []
        assert list(self.state_dir.iterdir()) == []
        assert list(self.temporary.iterdir()) == []
