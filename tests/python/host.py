"""A small host: speaks gRPC with a real worker."""

import contextlib
import json
import threading
from queue import Empty, SimpleQueue

import grpc

from process import (  # the tests take all of these from here
    BRIDGE,
    CANCEL,
    CLAIMED,
    DONE,
    HERE,
    INTERRUPT,
    LIMIT,
    TIMEOUT,
    Process,
    eventually,
)
from snakepit_bridge._pb import worker_pb2 as pb

__all__ = [
    "BRIDGE",
    "CANCEL",
    "CLAIMED",
    "DONE",
    "Failed",
    "HERE",
    "INTERRUPT",
    "LIMIT",
    "Process",
    "TIMEOUT",
    "Worker",
    "eventually",
    "pb",
]


class Failed(Exception):
    """A call that failed; `error` is the protocol's Error."""

    def __init__(self, error):
        super().__init__(f"{error.reason}: {error.message}")
        self.error = error


class Worker(Process):
    """A worker that is spoken to over gRPC, with one call or batch at a time or many."""

    def __init__(self, adapter, *, lanes=1, profile=pb.PROFILE_UNSPECIFIED, **kwargs):
        super().__init__(lanes=lanes, **kwargs)
        self.adapter = adapter
        self.profile = profile
        self.lanes = range(lanes)
        #: Whether all lanes share one stream.
        self.shares = profile == pb.PROFILE_ASYNC
        self._next = [1] * lanes
        self._batches = [SimpleQueue() for _ in self.lanes]
        self._finals = [SimpleQueue() for _ in self.lanes]
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
            lanes=len(self.lanes),
            profile=self.profile,
        )
        request.limits.payload_bytes = 16 << 20
        request.limits.depth = 100
        for key, value in changes.items():
            if key == "payload_bytes":
                request.limits.payload_bytes = value
            elif key == "faults":
                request.chaos.faults.extend(value)
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
        streams = [0] if self.shares else self.lanes
        self.works = [
            self.open_stream("Work", pb.Results, iter(self._batches[i].get, None), lane=str(i))
            for i in streams
        ]
        self.control = self.open_stream(
            "Control", pb.WorkerFrame, iter(self._frames.get, None), lane=None
        )
        for lane in streams:
            threading.Thread(target=self._read, args=(lane,), daemon=True).start()
        threading.Thread(target=self._read_control, daemon=True).start()
        return self

    def _read(self, lane):
        with contextlib.suppress(grpc.RpcError):
            for results in self.works[lane]:
                for of_lane, one in by_lane(results) if self.shares else [(lane, results)]:
                    self._finals[of_lane].put(one)
        for ended in self.lanes if self.shares else [lane]:
            self._finals[ended].put(None)

    def _read_control(self):
        with contextlib.suppress(grpc.RpcError):
            for frame in self.control:
                self.answers.put(frame)

    def start(self, **changes):
        self.dial()
        reply = self.hello(**changes)
        assert not reply.HasField("error"), reply.error
        return self.open()

    def send(self, batch, lane=0):
        """Gives a batch its numbers and sends it; returns the first number."""
        batch.first_seq = self._next[lane]
        self._next[lane] += batch.count
        batch.lane = lane
        self._batches[0 if self.shares else lane].put(batch)
        return batch.first_seq

    def submit(self, tool, *calls, budgets=(), contexts=(), lane=0):
        number = self.tools[tool] if isinstance(tool, str) else tool
        batch = pb.Batch(count=len(calls), kind=pb.PAYLOAD_KIND_JSON, tool_all=number)
        batch.args = json.dumps(calls).encode()
        batch.budget_us.extend(budgets)
        batch.context.extend(contexts)
        return self.send(batch, lane)

    def results(self, timeout=TIMEOUT, lane=0):
        """The next Results message; None at the end of the stream."""
        try:
            return self._finals[lane].get(timeout=timeout)
        except Empty:
            raise AssertionError(f"no results within {timeout} s: {self.stderr.text}") from None

    def finals(self, count, timeout=TIMEOUT, lane=0):
        """The next finals by number: a value or a Failed."""
        found = {}
        while len(found) < count:
            results = self.results(timeout, lane)
            assert results is not None, f"the stream ended: {self.stderr.text}"
            found.update(unpack(results))
        return found

    def call(self, tool, /, on_lane=0, **arguments):
        seq = self.submit(tool, arguments, lane=on_lane)
        ((number, final),) = self.finals(1, lane=on_lane).items()
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

    def cancel(self, seq, lane=0):
        self.pages[lane][CANCEL] = seq
        self.signal(INTERRUPT)

    def heartbeat(self, nonce):
        self._frames.put(pb.HostFrame(heartbeat=pb.Heartbeat(nonce=nonce)))
        return self.answers.get(timeout=TIMEOUT).heartbeat.nonce

    def shutdown(self, grace_ms):
        self._frames.put(pb.HostFrame(shutdown=pb.Shutdown(grace_ms=grace_ms)))

    def set_log_level(self, level):
        self._frames.put(pb.HostFrame(log_level=pb.LogLevel(level=level)))

    def end_work_stream(self):
        for batches in self._batches:
            batches.put(None)

    def end_control_stream(self):
        self._frames.put(None)

    def close(self):
        self.end_work_stream()
        self.end_control_stream()
        super().close()
        if hasattr(self, "channel"):
            self.channel.close()


def by_lane(results):
    """What a message says of each lane, as a lane with a stream of its own would say it."""
    if not results.lanes:
        yield results.lane, results
        return
    rare = {x.index: x.error for x in results.failures}
    attached = {x.index: x.data for x in results.attachments}
    offset = 0
    for index, (lane, seq, size) in enumerate(zip(results.lanes, results.seq, results.size)):
        one = pb.Results(first_seq=seq, size=[size], run_us=[results.run_us[index]])
        one.data = results.data[offset : offset + size]
        offset += size
        if index in rare:
            one.failures.add(index=0, error=rare[index])
        if index in attached:
            one.attachments.add(index=0, data=attached[index])
        yield lane, one


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
