"""Adapters: what becomes a tool, and what is refused."""

import types
from typing import Literal

import pytest

from snakepit_bridge import Adapter, BaseAdapter, _tools, testing, tool


class Base(Adapter):
    @tool
    def one(self, x: int) -> int:
        """First line
        and its rest.

        More."""
        return x

    @tool(name="second.tool-2", description="Second.", idempotent=True, interrupt=False)
    def two(self):
        return 2

    def helper(self):
        pass


class Derived(Base):
    @staticmethod
    @tool
    def three():
        return 3

    @tool
    @classmethod
    def four(cls):
        return cls.__name__

    def one(self, x: int, y: int = 2) -> int:
        return x + y

    @tool
    async def five(self):
        return 5


def by_name(adapter):
    return {x.name: x for x in _tools.of_class(adapter)}


def test_marked_methods_are_tools_with_their_options_B6():
    tools = by_name(Base)
    assert list(tools) == ["one", "second.tool-2"]
    assert [x.number for x in tools.values()] == [16, 17]
    assert tools["one"].description == "First line and its rest."
    two = tools["second.tool-2"]
    assert (two.description, two.idempotent, two.interrupt) == ("Second.", True, False)
    assert not tools["one"].idempotent and tools["one"].interrupt


def test_tools_are_inherited_and_an_override_stays_one_B6():
    tools = by_name(Derived)
    assert list(tools) == ["one", "second.tool-2", "three", "four", "five"]
    assert list(tools["one"].schema["properties"]) == ["x", "y"]
    assert tools["five"].is_async and not tools["one"].is_async


def test_tools_of_every_kind_can_be_called_Y2():
    with testing.run(Derived) as t:
        assert t.call("one", x=1) == 3
        assert t.call("second.tool-2") == 2
        assert t.call("three") == 3
        assert t.call("four") == "Derived"
        assert t.call("five") == 5


def test_a_subclass_takes_a_tool_away_by_none_B6():
    class Less(Base):
        one = None

    assert list(by_name(Less)) == ["second.tool-2"]


def test_base_adapter_is_another_name_Y2():
    assert BaseAdapter is Adapter


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "-a", ".a", "_a", "a/b", "\u00e4", "a" * 65, "a\n", 7]
)
def test_a_bad_name_is_refused_B6(name):
    class Bad(Adapter):
        @tool(name=name)
        def f(self):
            pass

    with pytest.raises(_tools.ToolError, match="is no name for a tool") as caught:
        by_name(Bad)
    assert caught.value.reason == "invalid_name"


@pytest.mark.parametrize("name", ["a", "9", "A.b-c_d", "a" * 64])
def test_a_good_name_is_taken_B6(name):
    class Good(Adapter):
        @tool(name=name)
        def f(self):
            pass

    assert list(by_name(Good)) == [name]


def test_the_same_name_twice_is_refused_and_both_are_named_B6():
    class Twice(Adapter):
        @tool(name="x")
        def first(self):
            pass

        @tool(name="x")
        def second(self):
            pass

    with pytest.raises(_tools.ToolError, match="first and second") as caught:
        by_name(Twice)
    assert caught.value.reason == "duplicate_tool"


def one_tool(function, **options):
    return by_name(type("One", (Adapter,), {"f": tool(**options)(function)}))["f"]


def test_raw_is_for_one_parameter_of_bytes_or_where_said_D3():
    assert one_tool(lambda self, data: None).raw is False
    assert one_tool(lambda self, data: None, raw=True).raw_parameter == "data"

    def typed(self, data: bytes, level: int = 1):
        pass

    assert one_tool(typed).raw_parameter == "data"
    assert one_tool(typed, raw=False).raw is False

    def two(self, data: bytes, level: int):
        pass

    assert one_tool(two).raw is False
    with pytest.raises(_tools.ToolError, match="exactly one parameter"):
        one_tool(two, raw=True)


def test_odd_texts_are_made_fit_or_refused_S5():
    assert one_tool(lambda self: None, description="\ud800" + "x" * 100_000).description.encode()

    def odd(self, a: Literal["\ud800"]):
        pass

    with pytest.raises(_tools.ToolError, match="surrogate"):
        one_tool(odd)


def test_generators_and_parameters_without_name_are_refused_B6():
    def generator(self):
        yield 1

    async def async_generator(self):
        yield 1

    for function in (generator, async_generator):
        with pytest.raises(_tools.ToolError, match="generator"):
            one_tool(function)
    with pytest.raises(_tools.ToolError, match="[*]a cannot be filled"):
        one_tool(lambda self, *a: None)


def test_tool_is_for_functions_only_B6():
    with pytest.raises(TypeError, match="functions and methods"):
        tool(3)
    with pytest.raises(TypeError, match="functions and methods"):
        tool(type("C", (), {}))


def test_an_adapter_without_tools_is_refused_B6():
    with pytest.raises(_tools.ToolError, match="has no tools"):
        by_name(type("Empty", (Adapter,), {}))


def module_of(source):
    module = types.ModuleType("made_up")
    exec("from snakepit_bridge import Adapter, tool\n" + source, module.__dict__)
    return module


def test_public_functions_of_a_plain_module_are_its_tools_Y2():
    module = module_of(
        "from os.path import join\n"
        "def a(x: int): return x\n"
        "def _b(): pass\n"
        "def initialize(): pass\n"
        "def cleanup(): pass\n"
        "C = len\n"
    )
    assert [x.name for x in _tools.of_module(module)] == ["a"]


def test_marked_functions_of_a_module_are_its_only_tools_Y2():
    module = module_of("@tool(name='x')\ndef a(): pass\ndef b(): pass\n")
    assert [x.name for x in _tools.of_module(module)] == ["x"]


def test_hooks_of_a_module_run_Y2():
    module = module_of(
        "log = []\n"
        "async def initialize(): log.append('i')\n"
        "def cleanup(): log.append('c')\n"
        "def get(): return list(log)\n"
    )
    with testing.run(module) as t:
        assert t.call("get") == ["i"]
    assert module.log == ["i", "c"]
