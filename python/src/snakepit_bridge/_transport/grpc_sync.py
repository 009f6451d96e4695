"""gRPC by grpcio's synchronous server. All that is peculiar to grpcio stands here.

* Hello and the one Work stream run on the main thread: their handlers name an executor of ours, which
  hands the work over. Where grpcio does not ask it, the work comes on a pool thread and is handed
  over batch by batch. Where lanes have threads, their Work streams run on grpcio's own.
* Which handler serves a call is decided before a thread is taken (`_Handlers.service`): a stream too
  many would wait for ever behind the one that holds the main thread.
* Where all lanes are on one event loop, which has the main thread, one thread reads their stream and
  another one writes it.
* grpcio catches `Exception` only, so nothing else may leave a handler.
"""

from __future__ import annotations

import os
import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, Callable, Dict, Iterator, Optional, Set

import grpc

from . import Service, TransportError, messages
from .messages import pb

SERVICE = "snakepit.worker.v1.Worker"
#: Besides one for each lane: Hello, Control, and room to refuse what should not have come.
MORE_THREADS = 4
_UNLIMITED = -1
_ANSWER_TIMEOUT = 2.0

Job = Callable[[], None]


class _MainThread(ThreadPoolExecutor):
    """grpcio wants a ThreadPoolExecutor; this one has no thread, but a queue that the main thread
    works off."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self.jobs: "SimpleQueue[Optional[Job]]" = SimpleQueue()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: "Future[Any]" = Future()

        def job() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)
                raise

        self.jobs.put(job)
        return future


class GrpcTransport:
    """Serves one host. `run` is for the main thread, the rest for any."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._main = _MainThread()
        self._failed = False
        self._answered = threading.Event()
        #: The Work stream of each lane while it waits for a batch.
        self._waiting: Dict[int, Optional[Any]] = dict.fromkeys(range(service.lanes))
        #: Lanes that serve on other threads than the main one.
        self._serving: Set[int] = set()
        threads = service.lanes + MORE_THREADS
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=threads, thread_name_prefix="snakepit"),
            handlers=[_Handlers(self, service)],
            options=[
                ("grpc.max_receive_message_length", _UNLIMITED),
                ("grpc.max_send_message_length", _UNLIMITED),
            ],
            maximum_concurrent_rpcs=threads,
        )

    def listen(self, path: str) -> None:
        """Accepts connections at a path when it returns. Raises TransportError."""
        before = os.umask(0o177)
        try:
            bound = self._server.add_insecure_port(f"unix:{path}")
        except RuntimeError:
            bound = 0
        finally:
            os.umask(before)
        if not bound:
            raise TransportError(f"cannot bind {path}: {_why_not_bound(path)}")
        self._server.start()

    def run(self) -> bool:
        """Does the main thread's share of the work until the worker stops. False: Hello failed."""
        while not self._service.is_stopping():
            job = self._main.jobs.get()
            if job is not None:
                job()
            if self._failed:
                self._answered.wait(_ANSWER_TIMEOUT)
                return False
        self._await_lanes()
        return True

    def _await_lanes(self) -> None:
        """Lanes on other threads end their calls, for which they may need this one."""
        while self._serving and self._service.patience() > 0:
            try:
                job = self._main.jobs.get(timeout=self._service.patience())
            except Empty:
                return
            if job is not None:
                job()

    def post(self, job: Job) -> None:
        """Hands the main thread something to do, which must not raise. Any thread."""
        self._main.jobs.put(job)

    def wake(self) -> None:
        """Makes `run` look whether the service stops, also while lanes wait for a batch."""
        self._main.jobs.put(None)
        for waiting in list(self._waiting.values()):
            if waiting is not None:
                waiting.cancel()

    @property
    def executor(self) -> ThreadPoolExecutor:
        return self._main

    def hello(self, request: Any, context: Any) -> Any:
        greeting = self._on_main(lambda: self._service.hello(messages.hello_of(request)))
        reply = messages.reply_of(greeting)
        if reply.HasField("error"):
            if not context.add_callback(self._answered.set):
                self._answered.set()
            self._failed = True
            self._main.jobs.put(None)
        return reply

    def work(self, requests: Any, context: Any) -> Iterator[Any]:
        lane = _lane_of(context.invocation_metadata())
        context.add_callback(self._service.stream_ended)
        run = self._service.run
        if self._service.has_threads:
            self._serving.add(lane)
        elif not _is_main():
            run = self._run_handed_over
        try:
            for batch in self._batches(lane, requests, context):
                yield from run(lane, batch)
        finally:
            self._serving.discard(lane)
            self._main.jobs.put(None)
        if not self._service.is_stopping():
            self._service.stream_ended()

    def _batches(self, lane: int, requests: Any, context: Any) -> Iterator[Any]:
        while True:
            # First this, then the question: `wake` is called after the answer has changed.
            self._waiting[lane] = context
            if self._service.is_stopping():
                return
            try:
                batch = next(requests)
            except Exception:  # the end of the stream, in whatever form
                return
            finally:
                self._waiting[lane] = None
            if self._service.is_stopping():
                return
            yield batch

    def work_on_loop(self, requests: Any, context: Any) -> Iterator[Any]:
        """The one stream of all lanes."""
        lanes = self._service.loop_lanes
        assert lanes is not None
        context.add_callback(self._service.stream_ended)
        self._serving.add(0)
        self._main.jobs.put(lanes.serve)
        try:
            yield from lanes.converse(requests)
        finally:
            self._serving.discard(0)
            self._main.jobs.put(None)
        if not self._service.is_stopping():
            self._service.stream_ended()

    def control(self, requests: Any, context: Any) -> Iterator[Any]:
        context.add_callback(self._service.stream_ended)
        try:
            for frame in requests:
                kind = frame.WhichOneof("kind")
                if kind == "heartbeat":
                    yield pb.WorkerFrame(heartbeat=frame.heartbeat)
                elif kind == "shutdown":
                    self._service.shutdown(frame.shutdown.grace_ms / 1000)
                elif kind == "log_level":
                    self._service.set_log_level(frame.log_level.level)
        except grpc.RpcError:
            pass  # the end of the stream, too
        self._service.stream_ended()

    def _on_main(self, function: Callable[[], Any]) -> Any:
        return function() if _is_main() else self._main.submit(function).result()

    def _run_handed_over(self, lane: int, batch: Any) -> Iterator[Any]:
        """Runs a batch on the main thread from another."""
        results: "SimpleQueue[Any]" = SimpleQueue()

        def job() -> None:
            for result in self._service.run(lane, batch):
                results.put(result)
            results.put(None)

        self._main.jobs.put(job)
        return iter(results.get, None)


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Says who serves a call. Asked on grpcio's own thread, one call at a time."""

    def __init__(self, transport: GrpcTransport, service: Service) -> None:
        self._service = service
        self._left = {"Hello", "Control", *(f"Work {x}" for x in range(service.lanes))}
        self._kinds = {
            "Hello": _unary(transport.hello, transport.executor),
            "Work": _stream(transport.work, pb.Batch, transport.executor),
            "Control": _stream(transport.control, pb.HostFrame, None),
        }
        self._threaded_work = _stream(transport.work, pb.Batch, None)
        self._work_on_loop = _stream(transport.work_on_loop, pb.Batch, None)

    def service(self, details: Any) -> Any:
        folder, _, name = details.method.rpartition("/")
        if folder != f"/{SERVICE}" or name not in self._kinds:
            return None
        kind, entry = self._kinds[name], name
        if name != "Hello":
            metadata = dict(details.invocation_metadata)
            if not self._service.may_enter(metadata.get("snakepit-token-bin", b"")):
                return _refusal(grpc.StatusCode.UNAUTHENTICATED, "not this worker's token")
        if name == "Work":
            lane = _lane_of(details.invocation_metadata)
            on_loop = self._service.loop_lanes is not None
            last = 0 if on_loop else self._service.lanes - 1
            if not 0 <= lane <= last:
                text = f"this worker has lane{f's 0 to {last}' if last else ' 0 only'}"
                return _refusal(grpc.StatusCode.INVALID_ARGUMENT, text)
            entry = f"Work {lane}"  # once for each lane
            if on_loop:
                kind = self._work_on_loop
            elif self._service.has_threads:
                kind = self._threaded_work
        if entry not in self._left:
            return _refusal(grpc.StatusCode.FAILED_PRECONDITION, f"{name} is accepted once")
        self._left.discard(entry)
        return kind


def _lane_of(metadata: Any) -> int:
    """-1 if it names none."""
    text = dict(metadata).get("snakepit-lane", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else -1


def _unary(behavior: Callable[[Any, Any], Any], executor: ThreadPoolExecutor) -> Any:
    def serve(request: Any, context: Any) -> Any:
        return behavior(request, context)

    serve.experimental_thread_pool = executor  # type: ignore[attr-defined]
    return grpc.unary_unary_rpc_method_handler(
        serve, pb.HelloRequest.FromString, pb.HelloReply.SerializeToString
    )


def _stream(
    behavior: Callable[[Any, Any], Any], request: Any, executor: Optional[ThreadPoolExecutor]
) -> Any:
    def serve(requests: Any, context: Any) -> Any:
        return behavior(requests, context)

    if executor is not None:
        serve.experimental_thread_pool = executor  # type: ignore[attr-defined]
    return grpc.stream_stream_rpc_method_handler(serve, request.FromString, messages.serialize)


def _refusal(code: Any, text: str) -> Any:
    def refuse(_requests: Any, context: Any) -> Any:
        context.abort(code, text)

    return grpc.stream_stream_rpc_method_handler(refuse, None, None)


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _why_not_bound(path: str) -> str:
    """grpcio does not say why; the system does, if asked in the same way."""
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.bind(path)
        os.unlink(path)
    except OSError as error:
        return error.strerror or str(error)
    finally:
        probe.close()
    return "gRPC refuses it; GRPC_VERBOSITY=debug says more"
