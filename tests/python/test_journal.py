"""The journal of finals in the lane page, read as the host reads it."""

import random
import struct

import pytest

from rig import Rig, outcomes
from snakepit_bridge import _lane, _page
from snakepit_bridge._journal import MESSAGE, Journal

SIZE = _page.JOURNAL_SIZE


def a_page():
    words = _page.words(_page.private_page(), 0)
    words[_page.ACKED] = 0
    return words


def entries(words):
    """What is kept: (number, bytes, microseconds, kind)."""
    ring = words.cast("B")[_page.JOURNAL_OFFSET :]
    at, end = words[_page.JOURNAL_START], words[_page.JOURNAL_WRITTEN]
    found = []
    while at < end:
        place = at % SIZE
        if SIZE - place < 16:
            at += SIZE - place
            continue
        seq, size, run_us = struct.unpack_from("=QII", ring, place)
        if seq == 0:
            at += SIZE - place
            continue
        kind, size = size & MESSAGE, size & ~MESSAGE
        found.append((seq, bytes(ring[place + 16 : place + 16 + size]), run_us, kind))
        at += 16 + (size + 7) // 8 * 8
    assert at == end
    return found


def test_what_is_noted_can_be_read_Q7():
    words = a_page()
    journal = Journal(words)
    assert journal.note(7, b"abc", 5) and journal.note(8, b"", 1 << 40) and journal.note(9, b"x" * 9, 0, MESSAGE)
    assert entries(words) == [(7, b"abc", 5, 0), (8, b"", (1 << 32) - 1, 0), (9, b"x" * 9, 0, MESSAGE)]


def test_nothing_is_written_over_before_it_is_acknowledged_Q7():
    words = a_page()
    journal = Journal(words)
    assert journal.note(1, b"a" * 40_000, 1)
    journal.mark(1)
    assert not journal.note(2, b"b" * 40_000, 1)
    assert entries(words) == [(1, b"a" * 40_000, 1, 0)]
    words[_page.ACKED] = 1
    assert journal.note(2, b"b" * 40_000, 1)
    assert entries(words) == [(2, b"b" * 40_000, 1, 0)]


@pytest.mark.parametrize("size, fits", [(SIZE - 16, True), (SIZE - 15, False), (10**6, False)])
def test_the_largest_final_fills_the_journal_Q7(size, fits):
    words = a_page()
    assert Journal(words).note(1, b"a" * size, 1) == fits
    assert len(entries(words)) == fits


def test_any_sizes_and_acknowledgements_keep_what_is_not_acknowledged_Q7():
    for seed in range(50):
        draw = random.Random(seed)
        words = a_page()
        journal, expected, marked = Journal(words), {}, 0
        for seq in range(1, 400):
            data = bytes([seq % 256]) * draw.choice((0, 1, 7, 8, 300, draw.randrange(20_000)))
            if not journal.note(seq, data, seq):
                journal.mark(seq)
                words[_page.ACKED] = marked = seq
                assert journal.note(seq, data, seq)
            expected[seq] = data
            if draw.random() < 0.3:
                journal.mark(seq)
                marked = seq
            if draw.random() < 0.3:
                words[_page.ACKED] = max(words[_page.ACKED], draw.randint(0, marked))
            kept = {number: data for number, data, _, _ in entries(words)}
            wanted = {k: v for k, v in expected.items() if k > words[_page.ACKED]}
            assert kept.items() >= wanted.items(), seed


def test_every_final_of_a_batch_stands_in_the_journal_before_it_counts_as_done_Q7():
    rig = Rig()
    rig.words[_page.ACKED] = 0
    rig.run(("echo", {"x": 1}), ("fail", {"kind": "value"}), ("give", {"what": "bytes"}))
    kept = entries(rig.words)
    assert [(seq, kind) for seq, _, _, kind in kept] == [(1, 0), (2, MESSAGE), (3, MESSAGE)]
    assert kept[0][1] == b"1"


def test_what_the_journal_cannot_hold_is_awaited_before_the_next_call_Q7():
    rig = Rig()
    rig.words[_page.ACKED] = 0
    rig.lane._limits = _lane.Limits(10**6, 100)
    rig.adapter.seen = Seen(rig.words)
    looks = []

    def acknowledge(_seconds):
        looks.append(rig.words[_page.CLAIMED])
        if len(looks) == 3:
            rig.words[_page.ACKED] = 1

    real, _lane.sleep = _lane.sleep, acknowledge
    try:
        finals = rig.run(("echo", {"x": "x" * 100_000}), ("echo", {"x": 2}))
    finally:
        _lane.sleep = real
    assert [outcomes(x)[0] for x in finals] == ["x" * 100_000, 2]
    assert looks == [1, 1, 1] and rig.adapter.seen.acked == [0, 1]
    rig.lane.stopping = True
    rig.lane._owed = 99
    (last,) = rig.run(("echo", {}))
    assert last.revoked_from == 3 and rig.words[_page.CLAIMED] == 2


class Seen:
    """Notes what was acknowledged when each call ran."""

    def __init__(self, words):
        self.words, self.acked = words, []

    def append(self, _x):
        self.acked.append(self.words[_page.ACKED])


def test_a_rewound_journal_begins_at_the_rings_start_Q7():
    words = a_page()
    journal = Journal(words)
    journal.rewind()
    for seq in range(1, 1000):
        assert journal.note(seq, b"x" * 100, 1)
        assert entries(words)[-1] == (seq, b"x" * 100, 1, 0)
        journal.mark(seq)
        words[_page.ACKED] = seq
        journal.rewind()
    ring = bytes(words.cast("B")[_page.JOURNAL_OFFSET :])
    assert not any(ring[4096:])


def test_a_rewound_journal_has_all_its_room_Q7():
    words = a_page()
    journal = Journal(words)
    assert journal.note(1, b"a" * 5000, 1)
    journal.rewind()
    assert journal.note(2, b"b" * (SIZE - 16), 1)
    assert entries(words) == [(2, b"b" * (SIZE - 16), 1, 0)]
    assert not journal.note(3, b"c", 1)
