"""Tools that are given many calls at once."""

import asyncio
import enum
import json
import typing
from typing import Any, List, TypedDict

import pytest

from rig import outcomes
from snakepit_bridge import Adapter, Cancelled, _lane, _page, _together, _tools, current, testing, tool
from snakepit_bridge._batch import Batch, Context
from snakepit_bridge._batching import Batching
from snakepit_bridge._check import as_text
from snakepit_bridge._lane import Lane, Limits


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Asked(TypedDict):
    x: int


class Item(Asked, total=False):
    times: int
    color: Color


class Model(Adapter):
    def __init__(self):
        self.seen = []

    @tool(batch=True)
    def double(self, x: List[int], y: List[int]) -> List[int]:
        """Doubles."""
        self.seen.append((x, y))
        return [a * b for a, b in zip(x, y)]

    @tool(batch={"max_size": 4, "max_delay": 0.25})
    def items(self, items: List[Item]) -> List[Any]:
        self.seen.append(items)
        return [[one["x"], one.get("times"), str(one.get("color"))] for one in items]

    @tool(batch=True)
    async def later(self, x: List[int]):
        await asyncio.sleep(0)
        return [len(x)] * len(x)

    @tool(batch=True)
    def raw(self, data: List[bytes]) -> List[bytes]:
        return [one[::-1] for one in data]

    @tool(batch=True)
    def color(self, color: List[Color]):
        return [one.name for one in color]

    @tool(batch=True)
    def give(self, what: List[str]):
        """What stands in the first."""
        bad = {
            "none": None,
            "text": "ab",
            "short": what[1:],
            "long": what + ["x"],
            "tuple": tuple(what),
            "dict": {"a": 1, "b": 2},
            "some": [ValueError("its own"), "fine", {1, 2}, Cancelled()][: len(what)],
            "large": ["x" * 2000] + what[1:],
        }
        if what[0] == "raise":
            raise KeyError("for all")
        return bad[what[0]]

    @tool(batch=True)
    def context(self, x: List[int]):
        c = current()
        own = [[one.session, one.attempt, one.deadline is None] for one in c.calls]
        return [[c.session, c.attempt, c.deadline is None, c.tool] + own] * len(x)

    @tool(batch=True)
    def page(self, x: List[int]):
        return [[self.words[i] for i in (_page.CLAIMED, _page.DONE)]] * len(x)

    @tool(batch=True)
    def sizes(self, n: List[int]):
        return ["x" * one for one in n]

    @tool
    def single(self, x: int):
        return x


SPECS = {x.name: x for x in _tools.of_class(Model)}


class BatchRig:
    """A lane on a page of its own."""

    def __init__(self):
        self.words = _page.words(_page.private_page(), 0)
        self.adapter = Model()
        self.adapter.words = self.words
        self.lane = Lane(self.words, Limits(100_000, 100), lambda x: x, lambda x: b"message")
        for spec in SPECS.values():
            self.lane.add(spec, self.adapter)
        self.next = 1

    def send(self, name, calls, together=True, **fields):
        first, self.next = self.next, self.next + len(calls)
        fields.setdefault("args", json.dumps(calls).encode())
        number = SPECS[name].number
        batch = Batch(first, len(calls), tool_all=number, together=together, **fields)
        return list(self.lane.run(batch))

    def run(self, name, *calls, **fields):
        return [end for finals in self.send(name, list(calls), **fields) for end in outcomes(finals)]


def refusal(function, **options):
    with pytest.raises(_tools.ToolError) as caught:
        _tools.of_class(type("Bad", (Adapter,), {"f": tool(**options)(function)}))
    assert caught.value.reason == "worker_start_failed" and "tool 'f' of " in str(caught.value)
    return str(caught.value)


# -- what authors say ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "batch, size, delay",
    [
        (True, 32, 5_000),
        ({}, 32, 5_000),
        ({"max_size": 1}, 1, 5_000),
        ({"max_size": 1024, "max_delay": 1}, 1024, 1_000_000),
        ({"max_delay": "1s"}, 32, 1_000_000),
        ({"max_delay": "250us"}, 32, 250),
        ({"max_delay": "1.5ms"}, 32, 1_500),
        ({"max_delay": 0}, 32, 0),
        ({"max_delay": 0.002}, 32, 2_000),
    ],
)
def test_an_author_says_how_many_calls_and_how_long_Q8(batch, size, delay):
    def f(self, x: List[int]):
        return x

    (spec,) = _tools.of_class(type("Good", (Adapter,), {"f": tool(batch=batch)(f)}))
    assert spec.batch == Batching(size, delay, "", ("x",))


@pytest.mark.parametrize("batch", [None, False])
def test_a_tool_is_called_for_one_call_unless_it_says_so_Q8(batch):
    (spec,) = _tools.of_class(type("A", (Adapter,), {"f": tool(batch=batch)(lambda self, x: x)}))
    assert spec.batch is None


@pytest.mark.parametrize(
    "batch, words",
    [
        (32, "batch=32 is neither True nor a dict"),
        ({"size": 3}, "batch has no 'size'; there are 'max_size' and 'max_delay'"),
        ({"max_size": 0}, "max_size 0 is no whole number from 1 to 1024"),
        ({"max_size": 1025}, "max_size 1025 "),
        ({"max_size": True}, "max_size True "),
        ({"max_size": 2.0}, "max_size 2.0 "),
        ({"max_delay": "5"}, "max_delay '5' is no time from 0 to 1s"),
        ({"max_delay": "1001ms"}, "max_delay '1001ms' "),
        ({"max_delay": -0.1}, "max_delay -0.1 "),
        ({"max_delay": float("nan")}, "max_delay nan "),
        ({"max_delay": True}, "max_delay True "),
        ({"max_delay": None}, "max_delay None "),
    ],
)
def test_what_an_author_says_wrong_is_named_with_the_tool_Q8(batch, words):
    def f(self, x: List[int]):
        return x

    assert words in refusal(f, batch=batch)


def test_functions_that_cannot_be_given_lists_are_refused_Q8():
    def scalar(self, x: int):
        return x

    def default(self, x: List[int], y: List[int] = ()):
        return x

    def nothing(self):
        return []

    def others(self, **x):
        return x

    def generator(self, x: List[int]):
        yield x

    assert "its parameter x gets a list, one element a call: annotate it list[...], not int" in refusal(
        scalar, batch=True
    )
    assert "its parameter y has a default" in refusal(default, batch=True)
    assert "needs a parameter" in refusal(nothing, batch=True)
    assert "**x cannot be filled in batches" in refusal(others, batch=True)
    assert "is a generator" in refusal(generator, batch=True)


def test_the_schema_is_that_of_one_call_Q8():
    assert SPECS["double"].schema == {
        "type": "object",
        "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
        "required": ["x", "y"],
        "additionalProperties": False,
    }
    assert SPECS["items"].schema == {
        "type": "object",
        "properties": {
            "x": {"type": "integer"},
            "times": {"type": "integer"},
            "color": {"enum": ["red", "blue"]},
        },
        "required": ["x"],
        "additionalProperties": False,
    }
    assert SPECS["raw"].raw and not SPECS["double"].raw


def test_keys_that_may_be_left_out_one_by_one_Q8():
    if not hasattr(typing, "NotRequired"):
        pytest.skip("Python 3.11")
    Some = TypedDict("Some", {"x": int, "y": typing.NotRequired[bytes]})

    def f(self, items: List[Some]):
        return items

    (spec,) = _tools.of_class(type("A", (Adapter,), {"f": tool(batch=True)(f)}))
    assert spec.schema["required"] == ["x"]
    assert spec.schema["properties"]["y"] == {"x-snakepit-type": "bytes"}


def test_a_result_that_is_no_list_is_a_pitfall_Y6():
    def f(self, x: List[int]) -> int:
        return x

    (spec,) = _tools.of_class(type("A", (Adapter,), {"f": tool(batch=True)(f)}))
    assert spec.notes == ["its result: a list, one entry a call, not int"]
    assert not SPECS["double"].notes and not SPECS["raw"].notes


def test_a_parameter_without_a_type_takes_anything_Q8():
    (spec,) = _tools.of_class(type("A", (Adapter,), {"f": tool(batch=True)(lambda self, x: x)}))
    assert spec.schema["properties"] == {"x": {}} and "no type" in spec.notes[0]


def test_it_is_shown_by_check_Y6():
    shown = as_text({"adapter": "A", "thread_safe": False, "pitfalls": [], "tools": []})
    assert "0 tool(s)" in shown
    report = {
        "adapter": "A",
        "thread_safe": False,
        "pitfalls": [],
        "tools": [_check_tool(SPECS["items"]), _check_tool(SPECS["single"])],
    }
    assert "items (up to 4 calls at once, within 250ms)" in as_text(report)
    assert report["tools"][0]["batch"] == {"max_size": 4, "max_delay_us": 250_000}
    assert report["tools"][1]["batch"] is None


# -- how calls run ------------------------------------------------------------------------


def test_a_batch_is_one_call_of_the_function_Q8():
    rig = BatchRig()
    calls = [{"x": 1, "y": 2}, {"x": 3, "y": 4}, {"x": 5, "y": 6}]
    assert rig.run("double", *calls) == [2, 12, 30]
    assert rig.adapter.seen == [([1, 3, 5], [2, 4, 6])]
    assert rig.run("items", {"x": 1}, {"x": 2, "times": 3, "color": "red"}) == [
        [1, None, "None"],
        [2, 3, "Color.RED"],
    ]
    assert rig.run("later", {"x": 1}, {"x": 1}) == [2, 2]
    assert rig.run("color", {"color": "red"}, {"color": "blue"}) == ["RED", "BLUE"]


def test_a_call_that_comes_by_itself_is_a_list_of_one_Q8():
    rig = BatchRig()
    ends = rig.run("double", {"x": 1, "y": 2}, {"x": 3, "y": 4}, together=False)
    assert ends == [2, 12] and rig.adapter.seen == [([1], [2]), ([3], [4])]
    (failure,) = rig.run("give", {"what": "some"}, together=False)
    assert failure.python.message == "its own"
    (failure,) = rig.run("double", {"x": 1}, together=False)
    assert failure.reason == "invalid_argument"


def test_a_batch_of_a_tool_that_wants_none_runs_call_by_call_Q8():
    rig = BatchRig()
    assert rig.run("single", {"x": 1}, {"x": 2}) == [1, 2]


def test_raw_calls_go_together_too_D3():
    rig = BatchRig()
    (finals,) = rig.send("raw", [0, 0], kind=2, data=b"abcd", size=[1, 3])
    assert finals.parts == [b"a", b"dcb"]


def test_bytes_in_a_batch_are_those_of_their_call_D3():
    with testing.run(Model) as model:
        assert model.call_many("raw", [{"data": b"ab"}, {"data": b"cd"}]) == [b"ba", b"dc"]


def test_the_page_says_that_a_batch_is_claimed_and_done_as_a_whole_Q8():
    rig = BatchRig()
    assert rig.run("page", {"x": 1}, {"x": 2}, {"x": 3}) == [[3, 0]] * 3
    assert rig.words[_page.CLAIMED] == rig.words[_page.DONE] == 3
    assert rig.run("page", {"x": 1}, {"x": 2}) == [[5, 3]] * 2


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_batch_above_the_limit_is_given_back_whole_Q8(limit):
    rig = BatchRig()
    rig.words[_page.LIMIT] = limit
    (finals,) = rig.send("double", [{"x": 1, "y": 1}] * 3)
    assert (finals.size, finals.revoked_from) == ([], 1)
    assert rig.words[_page.CLAIMED] == 0 and rig.adapter.seen == []


def test_a_lane_that_stops_gives_a_batch_back_R7():
    rig = BatchRig()
    rig.lane.stopping = True
    (finals,) = rig.send("double", [{"x": 1, "y": 1}] * 3)
    assert finals.revoked_from == 1 and rig.adapter.seen == []


def test_an_exception_in_the_list_is_the_error_of_that_call_Q8():
    first, second, third, fourth = BatchRig().run("give", *[{"what": "some"}] * 4)
    assert (first.reason, first.python.type, first.python.message) == (
        "python_exception",
        "ValueError",
        "its own",
    )
    assert second == "fine"
    assert (third.reason, third.details["tool"]) == ("unserializable", "give")
    assert fourth.python.type == "snakepit_bridge.context.Cancelled"


def test_what_the_function_raises_is_the_error_of_each_Q8():
    rig = BatchRig()
    ends = rig.run("give", {"what": "raise"}, {"what": ""}, {"what": ""})
    assert [(x.reason, x.python.type) for x in ends] == [("python_exception", "KeyError")] * 3
    assert [x.function for x in ends[0].python.frames] == ["give"]
    assert rig.run("later", {"x": 1}) == [1]


@pytest.mark.parametrize(
    "what, words",
    [
        ("none", "given 2 calls and returned NoneType; it must return a list"),
        ("text", "returned str;"),
        ("dict", "returned dict;"),
        ("short", "given 2 calls and returned 1 results"),
        ("long", "given 2 calls and returned 3 results"),
    ],
)
def test_a_result_that_is_no_list_of_that_length_is_the_error_of_each_Q8(what, words):
    ends = BatchRig().run("give", {"what": what}, {"what": ""})
    assert [x.reason for x in ends] == ["python_exception"] * 2
    assert all("tool 'give' was " in x.message and words in x.message for x in ends)


def test_a_tuple_is_as_good_as_a_list_Q8():
    assert BatchRig().run("give", {"what": "tuple"}, {"what": ""}) == ["tuple", ""]


def test_calls_that_cannot_be_run_fail_alone_D2():
    rig = BatchRig()
    good = {"x": 2, "y": 3}
    ends = rig.run("double", good, [1], {"x": 1}, {"x": {"$": 2}, "y": 1}, good)
    assert [ends[0], ends[4]] == [6, 6] and rig.adapter.seen == [([2, 2], [3, 3])]
    assert [x.reason for x in ends[1:4]] == ["invalid_argument"] * 3
    assert "takes x, y, not x" in ends[2].message
    ends = rig.run("color", {"color": "green"}, {"color": "red"})
    assert "not a valid Color" in ends[0].message and ends[1] == "RED"


def test_calls_whose_time_is_over_are_left_out_Q2():
    rig = BatchRig()
    calls = [{"x": 1, "y": 1}, {"x": 2, "y": 1}]
    real, _together.monotonic_ns = _together.monotonic_ns, iter(range(0, 10**9, 10**6)).__next__
    try:
        late, fine = rig.run("double", *calls, budget_us=[1, 10**6])
        both = rig.run("double", *calls, budget_us=[1])
    finally:
        _together.monotonic_ns = real
    assert (late.reason, fine) == ("deadline_exceeded", 2)
    assert [x.reason for x in both] == ["deadline_exceeded"] * 2
    assert rig.adapter.seen == [([2], [1])] and rig.words[_page.DONE] == 4


def test_the_context_has_each_call_Y5():
    rig = BatchRig()
    contexts = [Context(1, "s", attempt=3)]
    (first, second) = rig.run("context", {"x": 1}, {"x": 2}, context=contexts, budget_us=[10**6, 0])
    assert first == second == ["", 1, True, "context", ["", 1, False], ["s", 3, True]]
    (alone,) = rig.run("context", {"x": 1}, context=[Context(0, "s", attempt=2)], budget_us=[10**6])
    assert alone == ["s", 2, False, "context", ["s", 2, False]]


def test_all_of_a_batch_have_its_run_time_T7():
    rig = BatchRig()
    (finals,) = rig.send("double", [{"x": 1, "y": 1}] * 3)
    assert len(set(finals.run_us)) == 1


def test_finals_of_a_batch_leave_in_messages_of_bounded_size_Q1():
    rig = BatchRig()
    sent = rig.send("sizes", [{"n": 20_000}] * 4)
    assert [(x.first_seq, len(x.size)) for x in sent] == [(1, 1), (2, 1), (3, 1), (4, 1)]


def test_what_the_journal_cannot_hold_is_awaited_before_the_next_claim_Q7():
    rig = BatchRig()
    rig.words[_page.ACKED] = 0
    rig.send("sizes", [{"n": 30_000}] * 3 + [{"n": 1}])
    journal = _journal_numbers(rig.words)
    assert journal == [1, 2]  # none behind one that is not there, however short
    real, _lane.sleep = _lane.sleep, lambda _: rig.words.__setitem__(_page.ACKED, 4)
    try:
        rig.send("sizes", [{"n": 1}])
    finally:
        _lane.sleep = real
    assert rig.words[_page.ACKED] == 4 and _journal_numbers(rig.words)[-1] == 5


def test_a_failure_is_noted_with_its_message_Q7():
    rig = BatchRig()
    rig.words[_page.ACKED] = 0
    rig.send("give", [{"what": "some"}] * 2)
    assert _journal_numbers(rig.words) == [1, 2]


def test_an_adapter_can_be_tested_with_batches_Y6():
    with testing.run(Model) as model:
        assert model.call("double", x=2, y=3) == 6
        results = model.call_many("give", [{"what": "some"}, {"what": ""}])
        assert isinstance(results[0], testing.CallFailed) and results[1] == "fine"
        with pytest.raises(testing.CallFailed, match="schema_mismatch"):
            model.call_many("double", [{"x": 1, "y": "no"}])
        with pytest.raises(ValueError, match="not called in batches"):
            model.call_many("single", [])


def _journal_numbers(words):
    from test_journal import entries

    return [seq for seq, *_ in entries(words)]


def _check_tool(spec):
    from snakepit_bridge import _check

    return _check._tool(spec)
