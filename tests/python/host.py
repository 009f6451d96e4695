"""A small host: starts a real worker as docs/wire.md says and talks to it over gRPC."""

import contextlib
import json
import mmap
import os
import pathlib
import secrets
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from fcntl import F_ADD_SEALS, F_DUPFD_CLOEXEC, F_SEAL_GROW, F_SEAL_SHRINK, fcntl
from queue import Empty, SimpleQueue

import grpc

from snakepit_bridge._pb import worker_pb2 as pb

SECTION = 4096 + 65536
CLAIMED, DONE, STARTED, LIMIT, CANCEL = 8, 9, 10, 16, 17
INTERRUPT = signal.SIGRTMIN + 1
BRIDGE = str(pathlib.Path(pb.__file__).parent.parent.parent)
HERE = pathlib.Path(__file__).parent
TIMEOUT = 20.0


def eventually(question, timeout=TIMEOUT):
    """The one wait of these tests: asks until the answer is true."""
    deadline = time.monotonic() + timeout
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.002)
    return answer


class Failed(Exception):
    """A call that failed; `error` is the protocol's Error."""

    def __init__(self, error):
        super().__init__(f"{error.reason}: {error.message}")
        self.error = error


class Output:
    """One of the worker's output pipes, read by a thread."""

    def __init__(self):
        read, self.write_fd = os.pipe()
        self._read = os.fdopen(read, "rb", 0)
        self._data = b""
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self):
        while data := self._read.read(65536):
            self._data += data

    def close_write_end(self):
        os.close(self.write_fd)

    @property
    def text(self):
        return self._data.decode("utf-8", "replace")

    def finish(self):
        self._thread.join(TIMEOUT)
        self._read.close()
        return self.text


class Process:
    """A worker process with its side socket, page and output; no gRPC yet."""

    def __init__(self, *, token=None, python=sys.executable, environment=None, command=None, path=None):
        self.token = secrets.token_bytes(32) if token is None else token
        self.folder = tempfile.TemporaryDirectory(prefix="sp")
        self.path = path or os.path.join(self.folder.name, "1.sock")
        self.stdout, self.stderr = Output(), Output()
        self.side, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.side.settimeout(TIMEOUT)
        page_fd = os.memfd_create("lanes", os.MFD_ALLOW_SEALING)
        os.ftruncate(page_fd, SECTION)
        fcntl(page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)
        self._mapped = mmap.mmap(page_fd, SECTION)
        self.words = memoryview(self._mapped).cast("Q")
        self.words[0] = 0x31304E4C5449504E
        self.words[LIMIT] = (1 << 64) - 1
        lifetime, self.lifetime = os.pipe()
        token_read, token_write = os.pipe()
        os.write(token_write, self.token)
        os.close(token_write)
        null = os.open(os.devnull, os.O_RDONLY)
        wanted = [
            null,
            self.stdout.write_fd,
            self.stderr.write_fd,
            theirs.fileno(),
            page_fd,
            lifetime,
            token_read,
        ]
        high = [fcntl(fd, F_DUPFD_CLOEXEC, 20) for fd in wanted]
        argv = command or [python, "-m", "snakepit_bridge.worker", "run=test", "pool=test"]
        self.pid = os.posix_spawn(
            argv[0],
            argv,
            {
                **os.environ,
                "PYTHONPATH": f"{BRIDGE}:{HERE}",
                "SNAKEPIT_RUN_ID": "test",
                "SNAKEPIT_SOCKET": self.path,
                **(environment or {}),
            },
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, i) for i, fd in enumerate(high)],
            setsid=True,
        )
        self._pidfd = os.pidfd_open(self.pid)
        self.status = None
        self.stdout.close_write_end()
        self.stderr.close_write_end()
        for fd in [*high, null, page_fd, lifetime, token_read]:
            os.close(fd)
        theirs.close()

    def signal(self, number):
        signal.pidfd_send_signal(self._pidfd, number)

    def wait(self, timeout=TIMEOUT):
        """The exit code, negative for a signal."""
        if self.status is None:
            assert select.select([self._pidfd], [], [], timeout)[0], f"no end: {self.stderr.text}"
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def is_alive(self):
        return not select.select([self._pidfd], [], [], 0)[0]

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()
        os.close(self._pidfd)
        self.side.close()
        os.close(self.lifetime)
        self.stdout.finish()
        self.stderr.finish()
        self.words.release()
        self._mapped.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Worker(Process):
    """A worker that is spoken to over gRPC, with one call or batch at a time or many."""

    def __init__(self, adapter, **kwargs):
        super().__init__(**kwargs)
        self.adapter = adapter
        self._next = 1
        self._batches = SimpleQueue()
        self._finals = SimpleQueue()
        self._frames = SimpleQueue()
        self.answers = SimpleQueue()
        self.tools = {}

    def dial(self):
        packet = self.side.recv(65536)
        assert packet == b"listening", packet
        self.channel = grpc.insecure_channel(
            f"unix:{self.path}",
            options=[
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )
        return self

    def _method(self, kind, name, reply):
        return getattr(self.channel, kind)(
            f"/snakepit.worker.v1.Worker/{name}",
            request_serializer=lambda x: x.SerializeToString(),
            response_deserializer=reply.FromString,
        )

    def hello(self, **changes):
        self.reply = self.hello_later(**changes).result()
        self.tools = {tool.name: tool.number for tool in self.reply.tools}
        return self.reply

    def hello_later(self, **changes):
        request = pb.HelloRequest(
            token=self.token,
            protocol_major=1,
            version="0.1.0",
            run_id="test",
            pool="test",
            adapter=self.adapter,
            lanes=1,
        )
        request.limits.payload_bytes = 16 << 20
        request.limits.depth = 100
        for key, value in changes.items():
            if key == "payload_bytes":
                request.limits.payload_bytes = value
            else:
                setattr(request, key, value)
        method = self._method("unary_unary", "Hello", pb.HelloReply)
        return method.future(request, timeout=TIMEOUT)

    def open_stream(self, name, reply, requests, token=None, lane="0"):
        metadata = [("snakepit-token-bin", token or self.token)]
        if lane is not None:
            metadata.append(("snakepit-lane", lane))
        return self._method("stream_stream", name, reply)(requests, metadata=metadata)

    def open(self):
        self.work = self.open_stream("Work", pb.Results, iter(self._batches.get, None))
        self.control = self.open_stream(
            "Control", pb.WorkerFrame, iter(self._frames.get, None), lane=None
        )
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_control, daemon=True).start()
        return self

    def _read(self):
        with contextlib.suppress(grpc.RpcError):
            for results in self.work:
                self._finals.put(results)
        self._finals.put(None)

    def _read_control(self):
        with contextlib.suppress(grpc.RpcError):
            for frame in self.control:
                self.answers.put(frame)

    def start(self):
        self.dial()
        reply = self.hello()
        assert not reply.HasField("error"), reply.error
        return self.open()

    def send(self, batch):
        """Gives a batch its numbers and sends it; returns the first number."""
        batch.first_seq = self._next
        self._next += batch.count
        self._batches.put(batch)
        return batch.first_seq

    def submit(self, tool, *calls, budgets=(), contexts=()):
        number = self.tools[tool] if isinstance(tool, str) else tool
        batch = pb.Batch(count=len(calls), kind=pb.PAYLOAD_KIND_JSON, tool_all=number)
        batch.args = json.dumps(calls).encode()
        batch.budget_us.extend(budgets)
        batch.context.extend(contexts)
        return self.send(batch)

    def results(self, timeout=TIMEOUT):
        """The next Results message; None at the end of the stream."""
        try:
            return self._finals.get(timeout=timeout)
        except Empty:
            raise AssertionError(f"no results within {timeout} s: {self.stderr.text}") from None

    def finals(self, count, timeout=TIMEOUT):
        """The next finals by number: a value or a Failed."""
        found = {}
        while len(found) < count:
            results = self.results(timeout)
            assert results is not None, f"the stream ended: {self.stderr.text}"
            found.update(unpack(results))
        return found

    def call(self, tool, **arguments):
        seq = self.submit(tool, arguments)
        ((number, final),) = self.finals(1).items()
        assert number == seq
        if isinstance(final, Failed):
            raise final
        return final

    def error_of(self, tool, **arguments):
        """The error of a call that has to fail."""
        try:
            value = self.call(tool, **arguments)
        except Failed as failed:
            return failed.error
        raise AssertionError(f"{tool} returned {value!r}")

    def cancel(self, seq):
        self.words[CANCEL] = seq
        self.signal(INTERRUPT)

    def heartbeat(self, nonce):
        self._frames.put(pb.HostFrame(heartbeat=pb.Heartbeat(nonce=nonce)))
        return self.answers.get(timeout=TIMEOUT).heartbeat.nonce

    def shutdown(self, grace_ms):
        self._frames.put(pb.HostFrame(shutdown=pb.Shutdown(grace_ms=grace_ms)))

    def set_log_level(self, level):
        self._frames.put(pb.HostFrame(log_level=pb.LogLevel(level=level)))

    def end_work_stream(self):
        self._batches.put(None)

    def end_control_stream(self):
        self._frames.put(None)

    def close(self):
        self.end_work_stream()
        self.end_control_stream()
        super().close()
        if hasattr(self, "channel"):
            self.channel.close()


def unpack(results):
    """The finals of a Results message by number."""
    failures = {x.index: x.error for x in results.failures}
    attached = {x.index: list(x.data) for x in results.attachments}
    found, offset = {}, 0
    for index, size in enumerate(results.size):
        data = results.data[offset : offset + size]
        offset += size
        if index in failures:
            found[results.first_seq + index] = Failed(failures[index])
        elif index in attached:
            found[results.first_seq + index] = (json.loads(data), attached[index])
        else:
            found[results.first_seq + index] = json.loads(data)
    return found
