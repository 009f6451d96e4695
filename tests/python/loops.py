"""What the tests of lanes on one event loop share."""

import json
import time

from host import CLAIMED, DONE, TIMEOUT, Failed, Worker, eventually, pb

LANES = range(8)
#: A word of the page.
IN_STEP = 13
ADAPTER = "adapters.coroutines:Coroutines"


def on_loop(adapter=ADAPTER, lanes=len(LANES)):
    return Worker(adapter, lanes=lanes, profile=pb.PROFILE_ASYNC)


def finals(worker, seqs):
    """Of one call on each lane."""
    return [worker.finals(1, lane=lane)[seq] for lane, seq in seqs.items()]


def begin(worker, tool, lane, **arguments):
    """Begins a call and returns its number when the lane has claimed it."""
    seq = worker.submit(tool, arguments, lane=lane)
    eventually(lambda: worker.pages[lane][CLAIMED] == seq)
    return seq


def final_of(worker, seq, lane):
    return worker.finals(1, lane=lane)[seq]


def cancelled(worker, seq, lane):
    """Tells it until it has ended, as the host does: one that comes just before the tool begins is lost."""
    deadline = time.monotonic() + TIMEOUT
    while worker.pages[lane][DONE] < seq:
        assert time.monotonic() < deadline, worker.stderr.text
        worker.cancel(seq, lane)
        until = time.monotonic() + 0.5
        while worker.pages[lane][DONE] < seq and time.monotonic() < until:
            time.sleep(0.005)
    return final_of(worker, seq, lane)


def is_cancelled(final):
    return isinstance(final, Failed) and final.error.reason == "cancelled"


def submit_together(worker, tool, calls):
    """Calls by lane, in one message."""
    message = pb.Batch()
    seqs = {}
    for lane, arguments in calls.items():
        batch = pb.Batch(count=1, kind=pb.PAYLOAD_KIND_JSON, tool_all=worker.tools[tool])
        batch.args = json.dumps([arguments]).encode()
        batch.lane = lane
        batch.first_seq = seqs[lane] = worker._next[lane]
        worker._next[lane] += 1
        message.others.append(batch)
    worker._batches[0].put(message)
    return seqs
