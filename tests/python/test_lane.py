"""The lane loop, fed with batches of the tests' own: no gRPC, no process."""

import pytest

from rig import PROBE, SPECS, Rig, outcomes
from snakepit_bridge import Cancelled, _interrupt, _lane, _page, current
from snakepit_bridge._batch import Attached, Batch, Context
from snakepit_bridge._lane import PROOF, Lane


def test_calls_run_in_order_and_answer_by_number_Y2():
    rig = Rig()
    (finals,) = rig.run(("echo", {"x": 1}), ("echo", {"x": "a"}), ("echo", {}))
    assert (finals.first_seq, outcomes(finals), finals.revoked_from) == (1, [1, "a", None], 0)
    assert len(finals.run_us) == 3 and rig.adapter.seen == [1, "a", None]
    (finals,) = rig.run(("echo", {"x": 2}))
    assert finals.first_seq == 4


def test_one_tool_for_a_whole_batch_Y2():
    rig = Rig()
    batch = Batch(1, 2, tool_all=SPECS["echo"].number, args=b'[{"x":1},{"x":2}]')
    assert [outcomes(x) for x in rig.drain(batch)] == [[1, 2]]


def test_the_page_says_what_was_claimed_and_done_Q7():
    rig = Rig()
    (finals,) = rig.run(("page", {}), ("page", {}))
    assert outcomes(finals) == [[1, 0], [2, 1]]
    assert rig.words[_page.CLAIMED] == rig.words[_page.DONE] == 2
    assert rig.words[_page.STARTED_NS] > 0


def test_what_is_above_the_limit_is_left_and_reported_Q7():
    rig = Rig()
    (finals,) = rig.run(("lower_limit", {"to": 2}), ("echo", {"x": 1}), ("echo", {"x": 2}), ("echo", {}))
    assert outcomes(finals) == [None, 1] and finals.revoked_from == 3
    assert rig.words[_page.CLAIMED] == rig.words[_page.DONE] == 2
    assert rig.adapter.seen == [1]


def test_a_batch_above_the_limit_is_left_as_a_whole_Q7():
    rig = Rig()
    rig.words[_page.LIMIT] = 0
    (finals,) = rig.run(("echo", {}))
    assert (finals.size, finals.revoked_from) == ([], 1)
    assert rig.words[_page.CLAIMED] == 0 and rig.adapter.seen == []


def test_a_stopping_lane_gives_back_what_it_has_not_begun_R7():
    rig = Rig()
    (finals,) = rig.run(("stop", {}), ("echo", {}))
    assert outcomes(finals) == [None] and finals.revoked_from == 2


def test_one_budget_is_that_of_all_calls_Q2():
    rig = Rig()
    calls = [("echo", {"x": 1}), ("tick", {"ms": 1}), ("echo", {"x": 2}), ("echo", {"x": 3})]
    finals = rig.run(*calls, budget_us=[500])
    ends = [end for one in finals for end in outcomes(one)]
    assert rig.adapter.seen == [1] and [x.reason for x in ends[2:]] == ["deadline_exceeded"] * 2


@pytest.mark.parametrize("budget", [1, 500])
def test_a_call_whose_budget_is_spent_is_not_run_Q2(budget):
    rig = Rig()
    budgets = [0, budget, 10**6]
    finals = rig.run(("tick", {"ms": 1}), ("echo", {"x": 1}), ("echo", {"x": 2}), budget_us=budgets)
    first, second, third = [y for x in finals for y in outcomes(x)]
    assert (first, second.reason, third) == (None, "deadline_exceeded", 2)
    assert rig.adapter.seen == [2] and rig.words[_page.DONE] == 3


def test_the_probe_answers_through_the_lane_W7():
    assert Rig().one(PROBE) == {}


@pytest.mark.parametrize("number", [0, 2, 15, 9999])
def test_an_unknown_number_is_an_unknown_tool_B6(number):
    assert Rig().one(number).reason == "unknown_tool"


@pytest.mark.parametrize(
    "kind, type_name",
    [
        ("value", "ValueError"),
        ("exit", "SystemExit"),
        ("keyboard", "KeyboardInterrupt"),
        ("generator", "GeneratorExit"),
        ("base", "BaseException"),
        ("stop", "StopIteration"),
        ("memory", "MemoryError"),
        ("cancelled", "snakepit_bridge.context.Cancelled"),
        ("bad", "rig.Bad"),
        ("long", "ValueError"),
        ("surrogate", "ValueError"),
    ],
)
def test_whatever_a_tool_raises_is_its_error_and_the_lane_lives_Y2(kind, type_name):
    rig = Rig()
    failure = rig.one("fail", kind=kind)
    assert (failure.reason, failure.category) == ("python_exception", "python")
    assert failure.python.type == type_name
    assert [x.function for x in failure.python.frames] == ["fail"]
    assert failure.python.frames[0].file.endswith("rig.py")
    assert len(failure.message) < 10_000 and failure.message.encode()
    assert rig.one("echo", x=1) == 1


def test_an_exception_without_a_text_says_so_Y2():
    assert "__str__ raised RuntimeError" in Rig().one("fail", kind="bad").python.message


def test_endless_recursion_is_an_error_with_few_frames_Y2():
    rig = Rig()
    failure = rig.one("recurse")
    assert failure.python.type == "RecursionError"
    assert 10 < len(failure.python.frames) <= 64
    assert rig.one("echo", x=1) == 1


def test_causes_travel_with_the_error_Y2():
    python = Rig().one("chained").python
    assert (python.type, python.cause.type, python.cause.cause) == ("ValueError", "KeyError", None)
    assert python.cause.frames[0].text == '{}["k"]'


def test_causes_that_go_round_end_Y2():
    python = Rig().one("circle").python
    assert (python.message, python.cause.message, python.cause.cause) == ("a", "b", None)


@pytest.mark.parametrize(
    "name, arguments, word",
    [
        ("fail", {}, "kind"),
        ("echo", {"y": 1}, "y"),
        ("later", {}, "x"),
        ("typed", {}, "color"),
    ],
)
def test_arguments_that_do_not_fit_the_function_are_invalid_D2(name, arguments, word):
    failure = Rig().one(name, **arguments)
    assert failure.reason == "invalid_argument" and word in failure.message


def test_a_type_error_of_the_tool_is_its_own_D2():
    rig = Rig()
    assert rig.one("fail", kind=[]).reason == "python_exception"


def test_arguments_that_are_no_object_fail_alone_D1():
    rig = Rig()
    finals = rig.run(("echo", [1]), ("echo", {"x": 1}), ("echo", {"x": {"$": 2}}), ("echo", None))
    results = outcomes(finals[0])
    assert results[1] == 1
    assert [results[i].reason for i in (0, 2, 3)] == ["invalid_argument"] * 3
    assert results[2].details["path"] == "$.x"


@pytest.mark.parametrize("args", [b"", b"[{}]", b"[{},{}", b"nonsense"])
def test_a_batch_that_cannot_be_read_fails_call_by_call_D1(args):
    rig = Rig()
    (finals,) = rig.drain(Batch(1, 2, tool_all=PROBE, args=args))
    assert [x.reason for x in outcomes(finals)] == ["invalid_argument"] * 2


@pytest.mark.parametrize("count", [0, 1025, 1 << 31])
def test_a_batch_of_no_possible_size_ends_the_lane_S5(count):
    with pytest.raises(ValueError, match="protocol error"):
        list(Rig().lane.run(Batch(1, count, tool_all=PROBE, args=b"[]")))


@pytest.mark.parametrize(
    "what, reason, path",
    [("set", "unserializable", "$"), ("path", "unserializable", "$.items[3]"), ("large", "too_large", "$")],
)
def test_a_result_that_cannot_be_sent_says_why_D1(what, reason, path):
    rig = Rig()
    failure = rig.one("give", what=what)
    assert (failure.reason, failure.details["path"]) == (reason, path)
    assert failure.details["tool"] == "give" and rig.one("echo", x=1) == 1


def test_bytes_travel_as_attachments_both_ways_D3():
    rig = Rig()
    arguments = {"x": {"a": {"$": ["bytes", 0]}}}
    attached = [Attached(1, [b"\xff"])]
    (finals,) = rig.run(("give", {"what": "bytes"}), ("echo", arguments), attachments=attached)
    assert finals.attachments == {0: [b"\0\1", b"2"], 1: [b"\xff"]}
    assert rig.adapter.seen == [{"a": b"\xff"}]
    assert rig.one("give", what="dollar") == {"$": ["map", {"$": 1}]}


def raw(rig, name, *payloads, **changes):
    fields = dict(kind=2, tool_all=SPECS[name].number, data=b"".join(payloads))
    fields.update(size=[len(x) for x in payloads], **{})
    fields.update(changes)
    (finals,) = rig.drain(Batch(1, len(payloads), **fields))
    return finals


def test_raw_calls_take_and_return_bytes_D3():
    finals = raw(Rig(), "raw", b"abc", b"", b"de")
    assert (finals.parts, finals.size) == ([b"cba", b"", b"ed"], [3, 0, 2])


def test_raw_calls_that_do_not_return_bytes_fail_alone_D3():
    finals = raw(Rig(), "raw_text", b"text", b"view", b"large", b"none")
    assert finals.parts == [b"", b"ok", b"", b""]
    reasons = {i: x.reason for i, x in finals.failures.items()}
    assert reasons == {0: "unserializable", 2: "too_large", 3: "python_exception"}


def test_a_tool_that_is_not_raw_refuses_raw_calls_D3():
    rig = Rig()
    assert raw(rig, "echo", b"x").failures[0].reason == "invalid_argument"
    mixed = raw(rig, "raw", b"x", b"y", tool_all=0, tool=[SPECS["echo"].number, SPECS["raw"].number])
    assert mixed.parts == [b"", b"y"] and list(mixed.failures) == [0]


def test_raw_sizes_that_do_not_fit_are_refused_S5():
    assert raw(Rig(), "raw", b"abc", size=[4]).failures[0].reason == "invalid_argument"
    assert raw(Rig(), "raw", b"abc", size=[]).failures[0].reason == "invalid_argument"


def test_enums_arrive_as_members_D2():
    rig = Rig()
    assert rig.one("typed", color="red") == "RED"
    assert "not a valid Color" in rig.one("typed", color="x").message


def test_the_context_is_that_of_the_call_Y5():
    rig = Rig()
    (finals,) = rig.run(
        ("context", {}),
        ("context", {}),
        budget_us=[0, 10**7],
        context=[Context(1, "s", "t", "c", 3)],
    )
    assert outcomes(finals) == [["context", 1, "", "", "", True], ["context", 3, "s", "c", "t", False]]
    with pytest.raises(RuntimeError, match="only while a tool runs"):
        current()


def test_finals_leave_when_the_oldest_is_a_millisecond_old_Q1():
    rig = Rig()
    # How long a call takes does not count, but how long its final has waited for the others.
    ticks = [("tick", {"ms": ms}) for ms in (5, 0, 1, 0, 7)]
    sent = [(x.first_seq, x.size) for x in rig.run(*ticks)]
    assert sent == [(1, [4, 4, 4]), (4, [4, 4])]


def test_finals_leave_before_they_are_larger_than_a_message_Q1():
    rig = Rig()
    real, _lane.FLUSH_BYTES = _lane.FLUSH_BYTES, 1000
    try:
        sent = [x.size for x in rig.run(*[("echo", {"x": "y" * n}) for n in (398, 598, 1, 998, 1)])]
    finally:
        _lane.FLUSH_BYTES = real
    assert sent == [[400, 600], [3], [1000], [3]]


def test_the_run_time_is_rounded_up_T7():
    rig = Rig()
    (finals,) = rig.run(("tick", {"ms": 0.0015}), ("tick", {"ms": 0.0005}))
    assert finals.run_us == [2, 1]


def test_streams_are_looked_after_before_each_call_of_a_new_tool_W8():
    wells, mended = iter([True, False, True]), []
    rig = Rig(is_well=lambda: next(wells), mend=lambda: mended.append(len(rig.adapter.seen)))
    rig.run(("echo", {}), ("echo", {}), ("echo", {}))
    assert mended == [0, 1] and next(wells, None) is None


def test_streams_are_looked_after_once_a_millisecond_when_tools_are_trusted_W8():
    looks, mended = [], []

    def is_well():
        looks.append(rig.words[_page.CLAIMED])
        return rig.words[_page.CLAIMED] <= 2 * PROOF

    rig = Rig(is_well=is_well, mend=lambda: mended.append(rig.words[_page.CLAIMED]))
    tick, echo = ("tick", {"ms": 1}), ("echo", {})
    for _ in range(PROOF):
        rig.run(tick, echo)
    assert len(looks) == 2 * PROOF
    del looks[:], mended[:]
    begin = rig.words[_page.DONE]
    rig.run(echo, echo, tick, echo, echo, tick, echo)
    assert [x - begin for x in looks] == [4, 7]
    assert [x - begin for x in mended] == [0, 4, 7]
    rig.run(echo, echo)
    assert [x - begin for x in looks] == [4, 7, 8, 9], "one has broken a stream: nobody is trusted"


def test_a_call_cancelled_before_it_begins_is_not_run_Q3():
    rig = Rig()
    rig.words[_page.CANCEL] = 2
    (finals,) = rig.run(("echo", {"x": 1}), ("echo", {"x": 2}), ("echo", {"x": 3}))
    assert outcomes(finals)[1].reason == "cancelled" and rig.adapter.seen == [1, 3]


def test_async_tools_run_to_their_end_Y2():
    rig = Rig()
    assert rig.one("later", x=[1]) == [1]
    failure = rig.one("cancel_itself")
    assert failure.reason == "python_exception" and "CancelledError" in failure.python.type
    assert rig.one("later", x=2) == 2


def test_an_exit_in_another_task_ends_the_call_and_not_the_loop_Y2():
    rig = Rig()
    failure = rig.one("leave_task")
    assert (failure.reason, failure.python.type) == ("python_exception", "SystemExit")
    assert rig.one("later", x=2) == 2


class FakeFrame:
    def __init__(self, code, back=None):
        self.f_code = code
        self.f_back = back


def test_a_signal_raises_only_inside_of_the_call_that_is_meant_Q3():
    words = _page.words(_page.private_page(), 0)
    interrupts = _interrupt.Interrupts(words)
    interrupts._lane_code = Lane._invoke.__code__
    tool_frame, lane_frame = FakeFrame(outcomes.__code__), FakeFrame(Lane._invoke.__code__)

    def raises(armed, cancel, frame):
        interrupts.armed, words[_page.CANCEL] = armed, cancel
        try:
            interrupts.on_signal(0, frame)
        except Cancelled:
            return True
        return False

    assert raises(5, 5, tool_frame)
    assert not raises(5, 4, tool_frame)
    assert not raises(5, 6, tool_frame)
    assert not raises(0, 0, tool_frame)
    assert not raises(0, 5, tool_frame)
    assert not raises(5, 5, lane_frame)
    assert not raises(5, 5, None)
    # A signal that comes while another is being handled.
    handler = _interrupt.Interrupts.on_signal.__code__
    assert raises(5, 5, FakeFrame(handler, FakeFrame(handler, tool_frame)))
    assert not raises(5, 5, FakeFrame(handler, FakeFrame(handler, lane_frame)))


