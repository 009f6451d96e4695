"""From the template to a worker: whether forking is safe, and what the child does before it serves."""

from __future__ import annotations

import fcntl
import os
import random
import resource
import signal
import sys
import traceback
from typing import Any, Dict, List, NamedTuple, NoReturn

from . import _process
from ._inheritance import DESCRIPTORS, LIFETIME_FD

EXIT_BROKEN = 70
#: What Python itself sets at its start; the rest is at its default.
_PYTHONS_OWN: Dict[int, Any] = {
    signal.SIGPIPE: signal.SIG_IGN,
    signal.SIGXFSZ: signal.SIG_IGN,
    signal.SIGINT: signal.default_int_handler,
}


#: How far a processor's time goes beyond the limit before SIGKILL comes.
_CPU_SECONDS_MORE = 1


class Limits(NamedTuple):
    """What the kernel holds a worker to; 0: as the host, but for `core`, where it means none."""

    memory: int
    files: int
    cpu_seconds: int
    core: int
    nice: int


class Request(NamedTuple):
    """What a worker gets besides descriptors."""

    folder: str
    limits: Limits
    arguments: List[str]
    environment: List[bytes]


def read_request(fd: int) -> Request:
    """Texts that each end with a null byte: the folder, the limits, the number of arguments, they,
    the environment. From a file that the host has written."""
    data = os.pread(fd, os.fstat(fd).st_size, 0)
    folder, limits, count, *rest = data.split(b"\0")[:-1]
    arguments = [os.fsdecode(x) for x in rest[: int(count)]]
    return Request(
        os.fsdecode(folder), Limits(*map(int, limits.split())), arguments, rest[int(count) :]
    )


def why_not() -> str:
    """Why this process must not be forked; empty if it may."""
    if _count_threads() > 1:
        # Libraries such as OpenBLAS end their threads when a fork begins: what is left after one is
        # what counts.
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        count = _count_threads()
        if count > 1:
            return f"what was imported has started {count - 1} thread(s): {_thread_names()}"
    return "what was imported has opened the GPU" if _has_gpu() else ""


def _count_threads() -> int:
    return len(os.listdir("/proc/self/task"))


def _thread_names() -> str:
    names = []
    for thread in sorted(os.listdir("/proc/self/task"), key=int)[1:6]:
        try:
            with open(f"/proc/self/task/{thread}/comm") as file:
                names.append(file.read().strip())
        except OSError:
            continue
    return ", ".join(names)


def _has_gpu() -> bool:
    for fd in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith("/dev/nvidia"):
                return True
        except OSError:
            continue
    return False


def become_worker(
    request: Request, sources: List[int], strangers: List[int], template: int
) -> NoReturn:
    """In the child. `strangers`: the template's own descriptors, and `sources` among them."""
    try:
        _enter(request, sources, strangers, template)
        from . import worker

        sys.argv[0] = worker.__file__
        worker.main(forked=True)
    except BaseException:
        try:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(EXIT_BROKEN)


def _enter(request: Request, sources: List[int], strangers: List[int], template: int) -> None:
    os.setsid()
    _process.follow_parent(signal.SIGKILL)
    lifetime = sources[LIFETIME_FD]
    _process.arm(lifetime)
    if os.getppid() != template or _process.has_ended(lifetime):
        os._exit(EXIT_BROKEN)
    # None may be overwritten before its turn, whatever numbers a module has made free.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, DESCRIPTORS) for fd in sources]
    for number, source in enumerate(high):
        os.dup2(source, number)
        os.close(source)
    for fd in strangers:
        if fd >= DESCRIPTORS:
            os.close(fd)
    _reset_signals()
    _limit(request.limits)
    if request.folder:
        os.chdir(request.folder)
    names = [x for x in request.arguments if "=" in x]
    _process.rename(["snakepit-worker", *names])
    sys.argv[1:] = names
    _replace_environment(request.environment)
    _reseed()


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        try:
            signal.signal(number, _PYTHONS_OWN.get(number, signal.SIG_DFL))
        except (OSError, ValueError):
            continue  # SIGKILL, SIGSTOP
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _limit(limits: Limits) -> None:
    """Raises OSError or ValueError, with the limit's name, if it cannot be had."""
    seconds = limits.cpu_seconds
    for name, kind, soft, hard in (
        ("core", resource.RLIMIT_CORE, limits.core, limits.core),
        ("memory", resource.RLIMIT_DATA, limits.memory, limits.memory),
        ("files", resource.RLIMIT_NOFILE, limits.files, limits.files),
        ("cpu_seconds", resource.RLIMIT_CPU, seconds, seconds + _CPU_SECONDS_MORE),
    ):
        if soft or name == "core":
            try:
                resource.setrlimit(kind, (soft, hard))
            except (OSError, ValueError) as error:
                raise OSError(f"limits.{name} cannot be set to {soft}: {error}") from None
    if limits.nice:
        os.nice(limits.nice)


def _replace_environment(entries: List[bytes]) -> None:
    os.environ.clear()
    for entry in entries:
        name, _, text = entry.partition(b"=")
        os.environb[name] = text


def _reseed() -> None:
    """Workers would draw the same numbers. Generators that a module has made itself are the
    business of the adapter's `after_fork`."""
    random.seed()
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.seed()
