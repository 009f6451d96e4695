"""The layer check finds each kind of wrong include, and leaves right ones alone."""

import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "check_layers.py"
sys.path.insert(0, str(SCRIPT.parent))

from check_layers import violations  # noqa: E402


def check(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(violations(root))


@pytest.mark.parametrize(
    "name, target",
    [
        ("actors/include/snakepit/value.hpp", "caf/actor.hpp"),
        ("actors/include/snakepit/value.hpp", "snakepit/caf.hpp"),
        ("actors/include/snakepit/value.hpp", "actors/pool.hpp"),
        ("actors/include/snakepit/value.hpp", "nlohmann/json.hpp"),
        ("actors/include/snakepit/caf.hpp", "grpcpp/channel.h"),
        ("actors/core/queue.hpp", "caf/actor.hpp"),
        ("actors/core/queue.cpp", "unistd.h"),
        ("actors/core/queue.cpp", "sys/stat.h"),
        ("actors/core/queue.cpp", "thread"),
        ("actors/core/queue.cpp", "actors/io/process.hpp"),
        ("actors/core/queue.cpp", "prometheus/counter.h"),
        ("actors/io/channel.cpp", "caf/actor.hpp"),
        ("actors/io/channel.cpp", "actors/pool.hpp"),
        ("actors/io/channel.hpp", "telemetry/metrics.hpp"),
        ("actors/pool.cpp", "grpcpp/channel.h"),
        ("actors/pool.cpp", "worker.pb.h"),
        ("actors/pool.cpp", "yaml-cpp/yaml.h"),
        ("actors/pool.hpp", "sys/wait.h"),
        ("actors/pool.hpp", "signal.h"),
        ("actors/cli/map.cpp", "actors/core/units.hpp"),
        ("actors/cli/map.cpp", "actors/pool.hpp"),
        ("actors/cli/map.cpp", "grpcpp/channel.h"),
        ("telemetry/metrics.cpp", "actors/core/units.hpp"),
        ("telemetry/metrics.cpp", "caf/actor.hpp"),
        ("telemetry/metrics.hpp", "poll.h"),
        ("examples/sync.cpp", "actors/pool.hpp"),
        ("bench/calls.cpp", "actors/pool.hpp"),
        ("bench/calls.cpp", "actors/io/worker_channel.hpp"),
        ("bench/bare_worker.cpp", "actors/pool.hpp"),
        ("tests/core/queue_test.cpp", "caf/actor.hpp"),
        ("tests/public/embed_test.cpp", "actors/pool.hpp"),
    ],
)
def test_a_wrong_include_is_found(tmp_path, name, target):
    lines = check(tmp_path, {name: f"#include <string>\n#include <{target}>\n"})
    assert any(line.startswith(name) and target in line for line in lines), lines


@pytest.mark.parametrize(
    "name, targets",
    [
        ("actors/include/snakepit/value.hpp", ["string", "tl/expected.hpp", "snakepit/error.hpp"]),
        ("actors/include/snakepit/caf.hpp", ["caf/typed_actor.hpp", "snakepit/value.hpp"]),
        ("actors/core/queue.cpp", ["simdjson.h", "nlohmann/json.hpp", "actors/core/queue.hpp"]),
        ("actors/io/channel.cpp", ["grpcpp/channel.h", "worker.grpc.pb.h", "sys/wait.h", "thread"]),
        ("actors/pool.cpp", ["caf/actor.hpp", "actors/core/queue.hpp", "actors/io/process.hpp"]),
        ("actors/cli/map.cpp", ["CLI/CLI.hpp", "snakepit/runtime.hpp", "unistd.h"]),
        ("telemetry/metrics.cpp", ["prometheus/counter.h", "spdlog/spdlog.h", "poll.h"]),
        ("examples/sync.cpp", ["snakepit/runtime.hpp", "snakepit/caf.hpp"]),
        ("bench/bare_worker.cpp", ["snakepit/runtime.hpp", "actors/io/worker_channel.hpp"]),
        ("tests/public/embed_test.cpp", ["snakepit/caf.hpp", "caf/actor.hpp", "unistd.h"]),
        ("tests/actors/pool_test.cpp", ["caf/actor.hpp", "grpcpp/channel.h", "unistd.h"]),
    ],
)
def test_a_right_include_is_left_alone(tmp_path, name, targets):
    text = "".join(f"#include <{x}>\n" for x in targets)
    assert check(tmp_path, {name: text}) == []


def test_what_comes_through_another_file_is_found_with_its_way(tmp_path):
    lines = check(
        tmp_path,
        {
            "actors/pool.cpp": '#include "actors/io/channel.hpp"\n',
            "actors/io/channel.hpp": '#include "actors/io/stream.hpp"\n',
            "actors/io/stream.hpp": "#  include <grpcpp/channel.h>\n",
        },
    )
    assert lines == [
        "actors/pool.cpp: must not see grpcpp/channel.h, which comes by "
        "actors/io/channel.hpp -> actors/io/stream.hpp"
    ]


def test_public_headers_are_found_by_their_public_name(tmp_path):
    lines = check(
        tmp_path,
        {
            "actors/core/queue.cpp": "#include <snakepit/error.hpp>\n",
            "actors/include/snakepit/error.hpp": "#include <caf/error.hpp>\n",
        },
    )
    assert any(line.startswith("actors/core/queue.cpp: must not see caf/error.hpp") for line in lines)


def test_a_circle_of_includes_ends(tmp_path):
    files = {
        "actors/core/a.hpp": '#include "actors/core/b.hpp"\n',
        "actors/core/b.hpp": '#include "actors/core/a.hpp"\n',
    }
    assert check(tmp_path, files) == []


@pytest.mark.parametrize("word", ["std::chrono::steady_clock::now", "std::this_thread::sleep_for"])
def test_core_has_no_clock(tmp_path, word):
    lines = check(tmp_path, {"actors/core/a.cpp": f"auto f() {{ return {word}(x); }}\n"})
    assert "the time is an argument" in lines[0]
    assert check(tmp_path, {"actors/core/a.cpp": "using t = std::chrono::steady_clock;\n"}) == []


def test_the_program_says_what_it_found_and_fails(tmp_path):
    def run():
        return subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True)

    assert run().returncode == 1, "a tree without sources is no success"
    check(tmp_path, {"actors/core/a.cpp": "#include <string>\n"})
    done = run()
    assert (done.returncode, done.stdout) == (0, "every include stays within its layer\n")
    check(tmp_path, {"actors/core/a.cpp": "#include <thread>\n"})
    done = run()
    assert (done.returncode, done.stdout) == (1, "actors/core/a.cpp: must not include thread\n")
