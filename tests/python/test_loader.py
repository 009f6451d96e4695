"""From the text that names an adapter to its tools, and every way in which that fails."""

import sys

import pytest

from snakepit_bridge import _loader
from snakepit_bridge._errors import BridgeError

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
        _loader.call_hook("spec", _loader.make("spec", loaded), "initialize", None)
    # The next try may find the database up.
    assert caught.value.failure.retryable
    assert caught.value.failure.python.frames[-1].function == "initialize"
