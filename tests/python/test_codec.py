"""The codec: every shared vector, properties, and what only Python can get wrong."""

import enum
import json
import math
import pathlib
from collections import Counter, OrderedDict, namedtuple
from unittest import mock

import pytest

from snakepit_bridge import codec
from snakepit_bridge.codec import CodecError, Marker

VECTORS = json.loads(
    (pathlib.Path(__file__).parent.parent / "data" / "codec_vectors.json").read_text("utf-8")
)


def text_of(vector):
    if "text_hex" in vector:
        return bytes.fromhex(vector["text_hex"])
    text = vector["text"]
    if isinstance(text, list):
        text = "".join(piece * count for piece, count in text)
    return text.encode()


def attachments_of(vector):
    return [bytes.fromhex(x) for x in vector.get("attachments", [])]


def hex_text(text):
    return bytes.fromhex(text).decode("utf-8", "surrogatepass")


def nested(count, inner, wrap):
    for _ in range(count):
        inner = wrap(inner)
    return inner


BUILD = {
    "null": lambda x: None,
    "bool": lambda x: x,
    "int": int,
    "float": lambda x: float(x) if x in ("nan", "inf", "-inf") else float.fromhex(x),
    "string": str,
    "string_hex": hex_text,
    "bytes": bytes.fromhex,
    "list": lambda xs: [build(x) for x in xs],
    "map": lambda xs: {k: build(v) for k, v in xs},
    "map_hex": lambda xs: {hex_text(k): build(v) for k, v in xs},
    "marker": lambda x: Marker(*x),
    "marker_hex": lambda x: Marker(*map(hex_text, x)),
    "repeat_string": lambda x: x[0] * x[1],
    "repeat_list": lambda x: [build(x[1]) for _ in range(x[0])],
    "nested_lists": lambda x: nested(x[0], build(x[1]), lambda y: [y]),
    "nested_maps": lambda x: nested(x[0], build(x[2]), lambda y: {x[1]: y}),
}


def build(spec):
    ((kind, content),) = spec.items()
    return BUILD[kind](content)


def same(a, b):
    """Equality of value and type, of doubles by their bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a.hex() == b.hex()
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b


def names(vectors):
    return pytest.mark.parametrize("vector", vectors, ids=[x["name"] for x in vectors])


@names(VECTORS["valid"])
def test_a_valid_text_decodes_to_its_value_and_back_D1(vector):
    value, attachments = build(vector["value"]), attachments_of(vector)
    assert same(codec.decode(text_of(vector), attachments), value)
    encoded = codec.encode(value)
    assert encoded.attachments == attachments
    assert same(codec.decode(encoded.data, encoded.attachments), value)


@names(VECTORS["invalid_text"])
def test_an_invalid_text_is_refused_with_its_path_D1(vector):
    if vector.get("host_only"):
        try:
            codec.decode(text_of(vector), attachments_of(vector))
        except CodecError:
            pass  # a duplicate may leave an attachment without use
        return
    with pytest.raises(CodecError) as caught:
        codec.decode(text_of(vector), attachments_of(vector))
    assert caught.value.reason == vector["reason"]
    assert caught.value.path in ([vector["path"]] + ["$"] * vector.get("syntax", False))


@names(VECTORS["invalid_value"])
def test_an_invalid_value_is_refused_with_its_path_D1(vector):
    with pytest.raises(CodecError) as caught:
        codec.encode(build(vector["value"]))
    assert (caught.value.reason, caught.value.path) == ("unserializable", vector["path"])


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 7


Point = namedtuple("Point", "x y")


def cyclic_list():
    x = [1]
    x.append(x)
    return x


def doubling_list():
    x = []
    x += [x, x]
    return x


def bomb():
    x = [0]
    for _ in range(60):
        x = [x, x]
    return x


@pytest.mark.parametrize(
    "value, path, word",
    [
        ({1: 2}, "$", "int"),
        ({"a": [{True: 1}]}, "$.a[0]", "bool"),
        ({"a": {None: 1}}, "$.a", "NoneType"),
        ([{1.5: 1}], "$[0]", "float"),
        ({b"k": 1}, "$", "bytes"),
        ({**{str(i): i for i in range(20)}, 3: 1}, "$", "int"),
        (1 << 64, "$", "integer"),
        (-(1 << 63) - 1, "$", "integer"),
        ([0, 10**5000], "$[1]", "integer"),
        ({"items": [1, 2, 3, math.nan]}, "$.items[3]", "nan"),
        (cyclic_list(), "$[1]", "itself"),
        (doubling_list(), "$[0]", "itself"),
        ({"a": "\ud800"}, "$.a", "surrogate"),
        ({"\ud800": 1}, "$", "surrogate"),
        ({1, 2}, "$", "set"),
        (object(), "$", "object"),
        ([Color.RED], "$[0]", ".value"),
        (Point(1, 2), "$", "_asdict"),
        ({"a": 1j}, "$.a", "complex"),
        (Marker("\ud800"), "$", "surrogate"),
    ],
)
def test_what_json_cannot_hold_is_unserializable_and_named_D1(value, path, word):
    with pytest.raises(CodecError) as caught:
        codec.encode(value)
    assert caught.value.reason == "unserializable"
    assert caught.value.path == path
    assert word in str(caught.value)


@pytest.mark.parametrize("value", [bomb(), "x" * 2000, [b"x" * 2000], [{}] * 2000])
def test_what_is_too_large_is_refused_before_it_is_made_D1(value):
    with pytest.raises(CodecError) as caught:
        codec.encode(value, max_bytes=1000)
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize(
    "value, text",
    [
        ((1, (2,)), "[1,[2]]"),
        (OrderedDict(a=1), '{"a":1}'),
        (Counter("aab"), '{"a":2,"b":1}'),
        (Level.HIGH, "7"),
        ([Level.HIGH, 1], "[7,1]"),
        ({"a": "\u00e4\u2028"}, '{"a":"\u00e4\u2028"}'),
        ("1234567890123456789012345", '"1234567890123456789012345"'),
        ([0.1234567890123456789, 1e300], "[0.12345678901234568,1e+300]"),
        ({}, "{}"),
    ],
)
def test_relatives_of_json_types_are_written_as_those_D1(value, text):
    assert codec.encode(value) == (text.encode(), [])


def test_numpy_scalars_that_are_floats_pass_and_arrays_are_told_what_to_do_D1():
    numpy = pytest.importorskip("numpy")
    assert codec.encode([numpy.float64(1.5)]).data == b"[1.5]"
    with pytest.raises(CodecError, match="tolist"):
        codec.encode({"a": numpy.zeros(3)})
    with pytest.raises(CodecError, match="numpy.int64"):
        codec.encode([numpy.int64(1)])


@pytest.mark.parametrize("data", [b"\0\xff", bytearray(b"ab"), memoryview(b"abc")])
def test_bytes_become_attachments_D1(data):
    encoded = codec.encode({"a": data, "b": [b"x"]})
    assert encoded.data == b'{"a":{"$":["bytes",0]},"b":[{"$":["bytes",1]}]}'
    assert encoded.attachments == [bytes(data), b"x"]


def test_a_batch_is_decoded_call_by_call_D1():
    text = b'[{"a":1},{"b":{"$":["bytes",0]}},{"c":{"$":["bytes",0]}},{"d":{"$":1}}]'
    calls = codec.decode_batch(text, 4, {1: [b"x"]})
    assert calls[:2] == [{"a": 1}, {"b": b"x"}]
    assert [x.path for x in calls[2:]] == ["$.c", "$.d"]


@pytest.mark.parametrize("text", [b"", b"{}", b"[{}]", b"[{},{},{}]", b"[{},{}", b"\xff\xff"])
def test_a_batch_that_is_not_an_array_of_its_size_is_refused_D1(text):
    with pytest.raises(CodecError):
        codec.decode_batch(text, 2, {})


def test_a_value_that_another_thread_changes_meanwhile_is_left_to_the_walk_D1():
    def changed(_value):
        raise RuntimeError("dictionary changed size during iteration")

    for step in ("_is_flat", "_dump"):
        with mock.patch.object(codec, step, changed):
            assert codec.encode_fast({"a": 1}, 100, 1000) is None
    assert codec.encode_fast({"a": 1}, 100, 1000) == b'{"a":1}'
