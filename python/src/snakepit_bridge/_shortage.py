"""What a worker does when the system gives it no more threads."""

from __future__ import annotations

import threading
from typing import Callable

from ._errors import Failure

NO_THREADS = Failure(
    "worker_start_failed",
    "the worker could not start its threads: the limit of processes and threads (ulimit -u), or that"
    " of the control group (pids.max), is reached",
    {"phase": "threads"},
    None,
    True,
)


def lacks_threads(error: "BaseException | None") -> bool:
    return isinstance(error, RuntimeError) and "can't start new thread" in str(error)


def watch(give_up: Callable[[], object]) -> None:
    """A thread of grpcio that cannot start another one ends and says nothing to anybody: the worker
    would wait for ever. Such an end is told."""
    told = threading.excepthook

    def on_end(args: threading.ExceptHookArgs) -> None:
        told(args)
        trace = args.exc_traceback
        while trace is not None and lacks_threads(args.exc_value):
            if str(trace.tb_frame.f_globals.get("__name__")).startswith("grpc."):
                give_up()
            trace = trace.tb_next

    threading.excepthook = on_end
