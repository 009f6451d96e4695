"""The codec on values that nobody thought of."""

import json
import tempfile

import pytest

from snakepit_bridge import codec
from snakepit_bridge.codec import CodecError, Marker

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import configuration, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

FOLDER = tempfile.TemporaryDirectory()  # hypothesis keeps tables there, which must not stay
configuration.set_hypothesis_home_dir(FOLDER.name)
# No deadline: a busy machine is no failure.
settings.register_profile("quick", max_examples=60, deadline=None, database=None)
settings.load_profile("quick")

text = st.text()
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
    | st.binary()
    | st.builds(Marker, text, text)
)
keys = text | st.just("$")
values = st.recursive(scalars, lambda x: st.lists(x) | st.dictionaries(keys, x), max_leaves=15)

anything = st.recursive(
    scalars
    | st.floats()
    | st.integers()
    | st.text("a\ud800")
    | st.complex_numbers()
    | st.sets(st.integers()),
    lambda x: st.lists(x) | st.tuples(x, x) | st.dictionaries(keys | st.integers(), x),
    max_leaves=15,
)


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return a.hex() == b.hex() if isinstance(a, float) else a == b


@given(values)
def test_every_value_comes_back_as_it_was_D1(value):
    encoded = codec.encode(value)
    assert same(codec.decode(encoded.data, encoded.attachments), value)


@given(values)
def test_the_fast_encoder_and_the_walk_write_the_same_D1(value):
    fast = codec.encode_fast(value, codec.MAX_DEPTH, codec.MAX_BYTES)
    writer = codec._walk.Writer(codec.MAX_DEPTH, codec.MAX_BYTES, "unserializable")
    if fast is not None:
        assert fast == codec._dump(writer.convert(value)).encode()
        assert writer.attachments == []


@given(anything)
def test_a_value_is_encoded_rightly_or_refused_D1(value):
    try:
        encoded = codec.encode(value)
    except CodecError as error:
        assert error.reason == "unserializable" and error.path.startswith("$")
    else:
        codec.decode(encoded.data, encoded.attachments)


@given(st.binary() | st.text().map(lambda x: x.encode("utf-8", "surrogatepass")))
def test_no_bytes_crash_the_decoder_D1(data):
    for attempt in (lambda: codec.decode(data), lambda: codec.decode_batch(data, 1, {})):
        try:
            attempt()
        except CodecError:
            pass


@given(values)
def test_the_decoder_for_batches_agrees_with_the_strict_one_D1(value):
    encoded = codec.encode(value)
    (decoded,) = codec.decode_batch(b"[%s]" % encoded.data, 1, {0: encoded.attachments})
    assert same(decoded, value)


@given(values)
def test_the_text_is_json_D1(value):
    json.loads(codec.encode(value).data)
