"""Adapters: what becomes a tool, how they are found, and every way in which that fails."""

import sys
import types
from typing import Literal

import pytest

from snakepit_bridge import Adapter, BaseAdapter, _loader, _tools, testing, tool
from snakepit_bridge._errors import BridgeError


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


HEAD = "from snakepit_bridge import Adapter, tool\n"
CLASS = "class {0}(Adapter):\n  @tool\n  def {1}(self): pass\n"


def load_file(tmp_path, source, suffix="", name="thing.py"):
    (tmp_path / name).write_text(HEAD + source)
    return _loader.load(f"{tmp_path}/{name}{suffix}")


def failure_of(attempt):
    with pytest.raises(BridgeError) as caught:
        attempt()
    assert not caught.value.failure.retryable
    return caught.value.failure


def names(loaded):
    return [x.name for x in loaded.tools]


def test_a_file_is_an_adapter_by_class_alone_or_by_functions_Y2(tmp_path):
    two = CLASS.format("A", "a") + CLASS.format("B", "b")
    assert names(load_file(tmp_path, two, ":B")) == ["b"]
    assert names(load_file(tmp_path, CLASS.format("A", "a") + "def f(): pass\n")) == ["a"]
    assert names(load_file(tmp_path, "def f(): pass\n")) == ["f"]
    assert names(load_file(tmp_path, "@tool\ndef f(): pass\ndef g(): pass\n")) == ["f"]


def test_a_file_may_import_its_neighbours_and_is_not_mistaken_for_a_known_module_Y2(tmp_path):
    (tmp_path / "neighbour_of_thing.py").write_text("X = 1\n")
    loaded = load_file(tmp_path, "from neighbour_of_thing import X\ndef f(): return X\n", name="json.py")
    import json

    assert loaded.target is not json and json.dumps
    sys.modules.pop("neighbour_of_thing")


def test_an_ambiguous_module_is_refused_W4(tmp_path):
    two = CLASS.format("A", "a") + CLASS.format("B", "b")
    failure = failure_of(lambda: load_file(tmp_path, two))
    assert "A, B" in failure.message and "thing.py:A" in failure.message
    mixed = CLASS.format("A", "a") + "@tool\ndef f(): pass\n"
    assert "say which" in failure_of(lambda: load_file(tmp_path, mixed)).message


def test_an_imported_adapter_class_is_not_the_modules_own_Y2(tmp_path):
    source = "from snakepit_bridge import BaseAdapter\ndef f(): pass\n"
    assert names(load_file(tmp_path, source)) == ["f"]


@pytest.mark.parametrize("spec", ["", ":X", "a:", "a:b c", "a b", "a..b", "a:1"])
def test_a_spec_that_is_none_is_refused_W4(spec):
    assert failure_of(lambda: _loader.load(spec)).reason == "worker_start_failed"


def test_what_does_not_exist_is_named_W4(tmp_path):
    assert "no module 'nowhere'" in failure_of(lambda: _loader.load("nowhere.at.all")).message
    assert "no module 'json.nope'" in failure_of(lambda: _loader.load("json.nope")).message
    assert "no file /nowhere/x.py" in failure_of(lambda: _loader.load("/nowhere/x.py")).message
    message = failure_of(lambda: load_file(tmp_path, CLASS.format("A", "a"), ":B")).message
    assert "no class 'B'" in message and "it has A" in message
    message = failure_of(lambda: load_file(tmp_path, "class B: pass\n", ":B")).message
    assert "not a subclass" in message


def test_a_syntax_error_is_named_with_file_and_line_W4(tmp_path):
    failure = failure_of(lambda: load_file(tmp_path, "x = 1\ndef f(:\n"))
    assert f"{tmp_path}/thing.py, line 3" in failure.message
    assert failure.details["line"] == "3" and failure.details["file"] == f"{tmp_path}/thing.py"
    assert failure.python.type == "SyntaxError"


def test_an_exception_in_the_import_is_named_with_its_place_W4(tmp_path):
    failure = failure_of(lambda: load_file(tmp_path, "import no_such_library_here\n"))
    assert "no_such_library_here" in failure.message
    assert f"{tmp_path}/thing.py, line 2" in failure.message
    failure = failure_of(lambda: load_file(tmp_path, "1 / 0\n"))
    assert "ZeroDivisionError" in failure.message
    assert failure.python.frames[-1].text == "1 / 0"


def test_sys_exit_in_the_import_is_a_failed_start_W4(tmp_path):
    failure = failure_of(lambda: load_file(tmp_path, "import sys\nsys.exit(3)\n"))
    assert "called sys.exit(3)" in failure.message


def test_a_failed_import_can_be_tried_again_W4(tmp_path):
    failure_of(lambda: load_file(tmp_path, "1 / 0\n"))
    assert names(load_file(tmp_path, "def fine(): pass\n")) == ["fine"]


def test_a_class_that_wants_arguments_or_fails_to_initialize_is_named_W4(tmp_path):
    source = CLASS.format("A", "a") + "  def __init__(self, x): pass\n"
    loaded = load_file(tmp_path, source)
    with pytest.raises(BridgeError, match="raised TypeError") as caught:
        _loader.make("spec", loaded)
    assert caught.value.failure.details["phase"] == "create"
    source = CLASS.format("A", "a") + "  def initialize(self): raise KeyError('no key')\n"
    loaded = load_file(tmp_path, source)
    with pytest.raises(BridgeError, match="initialize raised KeyError: 'no key'") as caught:
        _loader.initialize("spec", _loader.make("spec", loaded), None)
    # The next try may find the database up.
    assert caught.value.failure.retryable
    assert caught.value.failure.python.frames[-1].function == "initialize"
