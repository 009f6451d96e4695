"""What cannot be passed or returned is a clear error, and the worker lives [D1] [D2]."""

import json

import pytest


def test_an_unknown_tool_names_those_there_are(host):
    """[E4]"""
    got = host.call("nonsense", "--json")
    assert got.code == 1
    assert got.error["reason"] == "unknown_tool"
    assert "nonsense" in got.error["message"] and "echo" in got.error["message"]


@pytest.mark.parametrize(
    "tool, argument, names",
    [
        ("add", "{}", "a"),
        ("add", '{"a": 1, "c": 2}', "c"),
        ("add", '{"a": "one"}', "a"),
        ("add", '{"a": 1.5}', "a"),
        ("add", '{"a": null}', "a"),
        ("add", '{"a": true}', "a"),
        ("total", '{"numbers": [1, "two"]}', "numbers"),
        ("nothing", '{"x": 1}', "x"),
    ],
)
def test_arguments_that_do_not_fit_name_the_parameter(host, tool, argument, names):
    """[D2]"""
    got = host.call(tool, argument, "--json")
    assert got.code == 1, got
    assert got.error["category"] == "validation"
    assert names in got.error["message"]


@pytest.mark.parametrize(
    "text",
    [
        b'{"value": NaN}',
        b'{"value": Infinity}',
        b'{"value": 1e400}',
        b'{"value": 18446744073709551616}',
        b'{"value": "\xff\xfe"}',
        b'{"value": "\\ud800"}',
        b'{"value": 1, "value": 2}',
        b'{"value": {"$": ["buffer", 0]}}',
        b'{"value": {"$": ["bytes", 0]}}',
        b'{"value": 1} {"value": 2}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"value": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b"",
    ],
    ids=lambda x: x[:30].decode(errors="replace"),
)
def test_json_that_is_none_is_refused(host, text):
    """[D1]"""
    got = host.call("echo", "@" + host.file("bad.json", text))
    assert got.code == 2, got
    assert got.err.count("\n") == 1
    mapped = host.map("echo", stdin=text + b'\n{"value": 7}\n')
    if text:
        assert mapped.code == 1, mapped
        error, good = mapped.lines
        assert error["error"]["category"] == "validation"
        assert error["line"] == 1
        assert good == 7


def test_an_argument_of_100_mib_is_too_large(host):
    """[D1]"""
    text = json.dumps({"value": "x" * (100 << 20)})
    got = host.call("echo", "@" + host.file("large.json", text), "--json")
    assert got.code == 1, got
    assert got.error["reason"] == "too_large"


def test_a_line_of_100_mib_is_an_error_record(host):
    """[D1] [F6]"""
    text = json.dumps({"value": "x" * (100 << 20)}) + '\n{"value": 1}\n'
    got = host.map("echo", stdin=text)
    assert got.code == 1
    error, good = got.lines
    assert error["error"]["reason"] == "too_large"
    assert good == 1


@pytest.mark.parametrize("tool", ["nan", "number_keys", "surrogate", "endless"])
def test_a_result_that_json_cannot_hold_is_an_error(host, tool):
    """[D1]"""
    got = host.call(tool, "--json")
    assert got.code == 1, got
    assert got.error["category"] in ("data", "validation")


def test_an_object_without_representation_is_an_error_with_its_path(host):
    """[D1]"""
    got = host.call("thing", "--json")
    assert got.code == 1, got
    assert got.error["reason"] == "unserializable"
    assert "$" in got.error["details"]["path"]


def test_a_result_that_is_too_large_is_an_error(host):
    """[D1]"""
    got = host.call("large", f"size={20 << 20}", "--json")
    assert got.code == 1
    assert got.error["reason"] == "too_large"


def test_broken_yaml_is_exit_2_with_its_place(host):
    """[E3]"""
    path = host.file("broken.yaml", "pools:\n  - name: [\n")
    for command in (["config", "check", path], ["call", "m", "t", "-c", path]):
        got = host.run(*command)
        assert got.code == 2
        assert "broken.yaml" in got.err and got.err.count("\n") == 1
        assert host.run(*command, "--json").error["reason"] == "invalid_config"


def test_an_unknown_key_is_exit_2_with_the_nearest_one(host):
    """[E3]"""
    path = host.file("typo.yaml", "timeouts:\n  cancel_grase: 2s\n")
    got = host.run("config", "check", path)
    assert got.code == 2
    assert "typo.yaml:2:" in got.err and "cancel_grace" in got.err


def test_a_good_configuration_is_ok(host):
    """[E3]"""
    path = host.file("good.yaml", "timeouts: {call: 5s}\n")
    assert host.run("config", "check", path).out == f"{path}: ok\n"
    assert host.run("config", "check", path, "--json").json == {"ok": True, "file": path}
    assert "call: 5s" in host.run("config", "show", path).out


def test_the_configuration_is_found_by_environment_and_by_its_name(host):
    """[E3]"""
    host.file("snakepit.yaml", "timeouts: {call: 5s}\n")
    assert "call: 5s" in host.run("config", "show").out
    host.environment["SNAKEPIT_CONFIG"] = host.file("other.yaml", "timeouts: {call: 6s}\n")
    assert "call: 6s" in host.run("config", "show").out
    host.set(TIMEOUTS__CALL="7s")
    assert "call: 7s" in host.run("config", "show").out
