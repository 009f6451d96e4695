"""What runs took besides time: the meter by itself, and on a lane."""

import time

import pytest

from rig import CLOCK, Rig
from snakepit_bridge import Adapter, _meter, _page, _tools, tool
from snakepit_bridge._batch import Batch
from snakepit_bridge._lane import Finals, Lane, Limits
from snakepit_bridge._meter import Meter

MS = 1_000_000


class Cpu:
    """A thread's clock that is set by hand."""

    now = 0

    def __call__(self):
        return self.now


@pytest.fixture
def cpu(monkeypatch):
    clock = Cpu()
    monkeypatch.setattr(_meter, "thread_time_ns", clock)
    return clock


@pytest.fixture
def memory(monkeypatch):
    held = [100_000_000]
    monkeypatch.setattr(_meter, "resident", lambda: held[0])
    return held


def finals(first, count):
    out = Finals(first)
    out.size = [1] * count
    return out


def start(cpu, at=1000 * MS):
    """A meter whose short runs were seen to use half of their time."""
    meter = Meter()
    meter.begin(at - 10 * MS)
    cpu.now += 5 * MS
    assert meter.close(finals(1, 4), at).cpu_ns == 5 * MS
    return meter


def test_short_runs_are_told_by_the_share_that_was_seen_last_T7(cpu, memory):
    meter, now = start(cpu), 1000 * MS
    cpu.now += 3 * MS
    meter.begin(now + 5 * MS)
    cpu.now += 3 * MS
    assert meter.close(finals(5, 4), now + 9 * MS).cpu_ns == 2 * MS


def test_the_share_is_seen_anew_after_a_while_T7(cpu, memory):
    meter, now = start(cpu), 1040 * MS
    cpu.now += 30 * MS  # between messages
    meter.begin(now)
    cpu.now += 1 * MS
    assert meter.close(finals(5, 4), now + 10 * MS).cpu_ns == 1 * MS


def test_a_long_run_is_measured_by_itself_T7(cpu, memory):
    meter, now = start(cpu), 1100 * MS
    meter.begin(now)
    cpu.now += 1 * MS + 3 * MS  # of short runs, which took two, and of the long one
    meter.note(7, 5_000, now + 7 * MS, 2)
    cpu.now += 1 * MS
    out = meter.close(finals(5, 4), now + 9 * MS)
    assert out.costs == {2: (3 * MS, None)}
    assert out.cpu_ns == 2 * MS


def test_a_long_run_among_short_messages_does_not_pay_for_them_T7(cpu, memory):
    meter = start(cpu)
    for at in range(1001, 1019):  # half of the time, with what is between them
        cpu.now += MS // 2
        meter.begin(at * MS)
        meter.close(finals(at, 1), at * MS + MS // 2)
    cpu.now += MS // 2
    meter.begin(1019 * MS)
    cpu.now += 0  # it sleeps
    meter.note(1019, 50_000, 1069 * MS, 0)
    cost = meter.close(finals(1019, 1), 1069 * MS).costs[0]
    assert cost.cpu <= 1 * MS
    meter.begin(1070 * MS)
    cpu.now += 40 * MS
    meter.note(1020, 50_000, 1120 * MS, 0)
    assert meter.close(finals(1020, 1), 1120 * MS).costs[0].cpu == 40 * MS


def test_no_run_has_more_than_its_time_T7(cpu, memory):
    meter = start(cpu)
    meter.begin(1100 * MS)
    cpu.now += 80 * MS
    meter.note(5, 4_000, 1104 * MS, 0)
    assert meter.close(finals(5, 1), 1104 * MS).costs[0].cpu == 4 * MS


def test_what_is_too_short_is_not_told_T7(cpu, memory):
    meter = start(cpu)
    meter.begin(1100 * MS)
    cpu.now += 50_000
    out = meter.close(finals(5, 4), 1100 * MS + 99_000)
    assert (out.cpu_ns, out.costs) == (0, {})


def test_the_system_is_seldom_asked_for_short_runs_T7(memory, monkeypatch):
    asked = []
    monkeypatch.setattr(_meter, "thread_time_ns", lambda: asked.append(1) or 0)
    monkeypatch.setattr(_meter, "resident", lambda: asked.append(2) or 1)
    meter = Meter()
    for at in range(1000 * MS, 1100 * MS, MS // 10):  # a thousand, in 100 ms
        meter.begin(at)
        meter.close(finals(1, 1), at + 50_000)
    assert asked.count(1) <= 12 and asked.count(2) == 1


def test_a_wait_is_nobodys_T7(cpu, memory):
    meter = start(cpu)
    meter.begin(1100 * MS)
    meter.skip(40 * MS)
    cpu.now += 5 * MS
    meter.note(5, 5_000, 1145 * MS, 0)
    out = meter.close(finals(5, 1), 1145 * MS)
    assert out.costs[0].cpu == 5 * MS and out.cpu_ns == 0


def test_the_cost_of_a_run_goes_with_its_own_message_T7(cpu, memory):
    meter = start(cpu)
    meter.begin(1100 * MS)
    cpu.now += 2 * MS
    meter.note(8, 2_000, 1102 * MS, 3)
    assert meter.close(finals(5, 3), 1102 * MS).costs == {}
    meter.begin(1103 * MS)
    assert meter.close(finals(8, 1), 1103 * MS).costs == {0: (2 * MS, None)}


def test_memory_is_looked_at_after_long_runs_and_seldom_before_T7(cpu, memory, monkeypatch):
    looks = []
    monkeypatch.setattr(_meter, "resident", lambda: looks.append(1) or memory[0])
    meter = Meter()
    meter.begin(1000 * MS)
    meter.begin(1001 * MS)
    meter.note(1, 5_000, 1006 * MS, 0)
    assert len(looks) == 1
    memory[0] += 5_000_000
    meter.note(2, 12_000, 1018 * MS, 1)
    memory[0] -= 1_000_000
    meter.note(3, 10_000, 1028 * MS, 2)
    assert len(looks) == 3
    out = meter.close(finals(1, 3), 1028 * MS)
    assert [out.costs[i].growth for i in range(3)] == [None, 5_000_000, -1_000_000]


def test_memory_that_cannot_be_read_is_not_told_T7(cpu, memory):
    memory[0] = 0
    meter = Meter()
    meter.begin(1000 * MS)
    meter.note(1, 20_000, 1020 * MS, 0)
    assert meter.close(finals(1, 1), 1020 * MS).costs[0].growth is None


def test_this_process_has_memory_T7():
    assert _meter.resident() > 1_000_000


def test_a_message_says_when_its_first_run_began_T7():
    rig = Rig()
    CLOCK.now += 7 * MS
    begin = CLOCK.now
    first, second = rig.run(("echo", {}), ("tick", {"ms": 2}), ("echo", {}))
    assert first.began_ns == begin
    assert second.began_ns == begin + 2 * MS
    assert len(first.size) == 2 and len(second.size) == 1


class Burner(Adapter):
    @tool
    def burn(self, seconds: float):
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass

    @tool
    def sleep(self, seconds: float):
        time.sleep(seconds)


def test_a_lane_tells_processor_time_from_time_T7():
    lane = Lane(_page.words(_page.private_page(), 0), Limits(), lambda x: x, lambda _: b"")
    specs = {x.name: x for x in _tools.of_class(Burner)}
    adapter = Burner()
    for spec in specs.values():
        lane.add(spec, adapter)
    seq = 1
    for name, least, most in (("burn", 19, 45), ("sleep", 0, 5)):
        batch = Batch(seq, 1, tool_all=specs[name].number, args=b'[{"seconds": 0.02}]')
        (out,) = lane.run(batch)
        cost = out.costs[0]
        assert least * MS <= cost.cpu <= most * MS
        assert cost.growth is not None
        seq += 1
