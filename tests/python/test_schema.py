"""JSON Schema from signatures, and the check of arguments against it."""

import collections.abc
import enum
import pathlib
import typing
from typing import Any, Dict, List, Literal, Optional, Sequence, Tuple, Union

import pytest

from snakepit_bridge import _schema
from snakepit_bridge._fits import violation


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


UserId = typing.NewType("UserId", int)

BYTES = {"x-snakepit-type": "bytes"}
INTEGER, STRING, NULL = {"type": "integer"}, {"type": "string"}, {"type": "null"}


@pytest.mark.parametrize(
    "hint, schema",
    [
        (int, INTEGER),
        (float, {"type": "number"}),
        (str, STRING),
        (bool, {"type": "boolean"}),
        (None, NULL),
        (bytes, BYTES),
        (Any, {}),
        (object, {}),
        (list, {"type": "array"}),
        (dict, {"type": "object"}),
        (List[int], {"type": "array", "items": INTEGER}),
        (list[int], {"type": "array", "items": INTEGER}),
        (List[Any], {"type": "array"}),
        (List, {"type": "array"}),
        (Sequence[str], {"type": "array", "items": STRING}),
        (collections.abc.Sequence, {"type": "array"}),
        (Tuple[int, ...], {"type": "array", "items": INTEGER}),
        (Tuple[int, str], {"type": "array"}),
        (Dict[str, int], {"type": "object", "additionalProperties": INTEGER}),
        (Dict[str, Any], {"type": "object"}),
        (
            dict[str, List[int]],
            {"type": "object", "additionalProperties": {"type": "array", "items": INTEGER}},
        ),
        (Optional[int], {"anyOf": [INTEGER, NULL]}),
        (Union[int, str, None], {"anyOf": [INTEGER, STRING, NULL]}),
        (Union[int, Any], {}),
        (Optional[Union[int, bytes]], {"anyOf": [INTEGER, BYTES, NULL]}),
        (Literal["a", "b", 1, True, None], {"enum": ["a", "b", 1, True, None]}),
        (UserId, INTEGER),
    ],
)
def test_a_type_hint_has_its_schema_D2(hint, schema):
    assert _schema.of_hint(hint) == schema


@pytest.mark.parametrize(
    "hint", [set, pathlib.Path, complex, Dict[int, str], List[pathlib.Path], Literal[b"x"]]
)
def test_a_hint_that_json_lacks_has_none_D2(hint):
    with pytest.raises(_schema.Unknown):
        _schema.of_hint(hint)


def of(function, bound=False):
    return _schema.of_function(function, bound)


def test_a_signature_becomes_an_object_schema_D2():
    def f(a: int, b: str = "x", *, c: Optional[float] = None, d: List[int] = [1]):
        pass

    assert of(f).schema == {
        "type": "object",
        "properties": {
            "a": INTEGER,
            "b": {"type": "string", "default": "x"},
            "c": {"anyOf": [{"type": "number"}, NULL], "default": None},
            "d": {"type": "array", "items": INTEGER, "default": [1]},
        },
        "required": ["a"],
        "additionalProperties": False,
    }


def test_keywords_let_any_others_through_D2():
    def f(a: int, **others):
        pass

    assert of(f).schema["additionalProperties"] is True
    assert list(of(f).schema["properties"]) == ["a"]


def test_a_default_of_none_allows_none_and_odd_defaults_are_left_out_D2():
    def f(a: int = None, b: Any = object(), c: float = float("inf"), d: bytes = b"x"):
        pass

    assert of(f).schema["properties"] == {
        "a": {"anyOf": [INTEGER, NULL], "default": None},
        "b": {},
        "c": {"type": "number"},
        "d": BYTES,
    }


def test_the_first_parameter_of_a_method_is_left_out_D2():
    def f(self, a: int):
        pass

    assert list(of(f, bound=True).schema["properties"]) == ["a"]


def positional_only(a, /):
    pass


def star(*things):
    pass


@pytest.mark.parametrize("function, word", [(positional_only, "positional-only"), (star, "[*]things")])
def test_parameters_without_a_name_are_refused_D2(function, word):
    with pytest.raises(_schema.SignatureError, match=word):
        of(function)


def test_what_cannot_be_said_fits_anything_and_is_noted_Y6():
    def f(a, b: pathlib.Path, c: "Missing", d: "int"):  # noqa: F821
        pass

    made = of(f)
    assert made.schema["properties"] == {"a": {}, "b": {}, "c": {}, "d": INTEGER}
    assert [note.split(":")[0] for note in made.notes] == ["c", "a", "b"]


def test_an_enum_is_its_values_D2():
    def f(a: Color, b: Optional[Color] = None, c: Color = Color.RED):
        pass

    made = of(f)
    assert made.schema["properties"] == {
        "a": {"enum": ["red", "blue"]},
        "b": {"enum": ["red", "blue", None], "default": None},
        "c": {"enum": ["red", "blue"], "default": "red"},
    }
    assert made.enums == {"a": Color, "b": Color, "c": Color}


@pytest.mark.parametrize(
    "schema, value",
    [
        ({}, object),
        (BYTES, b"x"),
        ({}, b"x"),
        ({"type": "number"}, 1),
        ({"type": ["string", "null"]}, None),
        ({"anyOf": [INTEGER, BYTES]}, b""),
        ({"enum": [1, "a"]}, "a"),
        ({"type": "array", "items": INTEGER}, []),
        ({"type": "object", "additionalProperties": INTEGER}, {"a": 1}),
    ],
)
def test_what_fits_is_let_through_D2(schema, value):
    assert violation(schema, value) is None


@pytest.mark.parametrize(
    "schema, value, path",
    [
        (INTEGER, 1.0, "$"),
        (INTEGER, True, "$"),
        ({"type": "number"}, True, "$"),
        (BYTES, "x", "$"),
        (STRING, b"x", "$"),
        ({"enum": [1]}, True, "$"),
        ({"enum": [1]}, 1.0, "$"),
        ({"const": 1}, 2, "$"),
        ({"anyOf": [INTEGER, STRING]}, None, "$"),
        ({"type": "array", "items": INTEGER}, [1, "x"], "$[1]"),
        ({"required": ["a"]}, {}, "$"),
        ({"properties": {"a": INTEGER}}, {"a": "x"}, "$.a"),
        ({"properties": {"a b": {"items": INTEGER}}}, {"a b": [0, None]}, '$["a b"][1]'),
        ({"additionalProperties": False}, {"a": 1}, "$.a"),
        ({"additionalProperties": INTEGER}, {"a": "x"}, "$.a"),
    ],
)
def test_what_does_not_fit_is_named_D2(schema, value, path):
    assert violation(schema, value)[0] == path
