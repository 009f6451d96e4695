#!/usr/bin/python3
"""Fails if a source file includes, itself or through others, what its layer must not know.

The table is the architecture; it changes only together with docs/design.md.
"""

import pathlib
import re
import sys
from dataclasses import dataclass

PUBLIC = r"snakepit/(?!caf\.hpp)"
EXPECTED = r"tl/expected\.hpp$"
JSON = r"simdjson\.h$|nlohmann/"
CAF = r"caf/"
GRPC = r"grpc/|grpcpp/|grpc\+\+/|google/protobuf/|.*\.pb\.h$"
YAML = r"yaml-cpp/"
SQLITE = r"sqlite3\.h$"
TELEMETRY = r"prometheus/|spdlog/|fmt/|civetweb\.h$|CivetServer\.h$|opentelemetry/"
# Headers without a folder that end in .h, and those of the kernel's folders: the operating system.
POSIX = r"(sys|linux|arpa|net|netinet|asm)/|(?!simdjson|sqlite3|civetweb|CivetServer)\w+\.h$"
# Standard headers that are a clock's, a thread's or the system's door.
ACTIVE = (
    r"(barrier|condition_variable|ctime|filesystem|fstream|future|iostream|latch|mutex"
    r"|semaphore|shared_mutex|stop_token|thread)$"
)
TEST = r"doctest/|rapidcheck(\.h$|/)|tests/"


@dataclass
class Layer:
    """Files under `where` may include `may` (and standard headers but `but_not`), and must not see
    anything of `never` in any file that they reach."""

    where: str
    may: str
    never: str
    but_not: str = r"(?!)"


WORLD = "|".join([GRPC, YAML, SQLITE, POSIX])

# The first `where` that matches the path decides; files that none matches may include all.
LAYERS = [
    Layer(
        r"actors/include/snakepit/caf\.hpp$",
        "|".join([PUBLIC, EXPECTED, CAF]),
        "|".join([WORLD, TELEMETRY, JSON, r"actors/|telemetry/"]),
    ),
    Layer(
        r"actors/include/snakepit/",
        "|".join([PUBLIC, EXPECTED]),
        "|".join([CAF, WORLD, TELEMETRY, JSON, r"actors/|telemetry/"]),
    ),
    Layer(
        r"actors/core/",
        "|".join([PUBLIC, EXPECTED, JSON, r"actors/core/"]),
        "|".join([CAF, WORLD, TELEMETRY]),
        but_not=ACTIVE,
    ),
    # Its private headers may hold gRPC's types; what actors include of it must not (see below).
    Layer(
        r"actors/io/",
        "|".join([PUBLIC, EXPECTED, GRPC, YAML, SQLITE, POSIX, r"actors/(core|io)/"]),
        "|".join([CAF, TELEMETRY]),
    ),
    Layer(
        r"actors/cli/",
        "|".join([PUBLIC, EXPECTED, r"CLI/", POSIX, r"actors/cli/|actors/io/control_client\.hpp$"]),
        "|".join([CAF, GRPC, YAML, SQLITE, TELEMETRY, JSON]),
    ),
    Layer(
        r"actors/[^/]*$",
        "|".join([r"snakepit/", EXPECTED, CAF, r"actors/(core/|io/)?[^/]*$|telemetry/"]),
        WORLD,
    ),
    # The log's sink and the exposer write to descriptors; what others include of it does not show them.
    Layer(
        r"telemetry/.*\.cpp$",
        "|".join([PUBLIC, EXPECTED, TELEMETRY, POSIX, r"telemetry/"]),
        "|".join([CAF, GRPC, YAML, SQLITE, r"actors/"]),
    ),
    Layer(
        r"telemetry/",
        "|".join([PUBLIC, EXPECTED, TELEMETRY, r"telemetry/"]),
        "|".join([CAF, GRPC, YAML, SQLITE, r"actors/"]),
    ),
    Layer(
        r"examples/",
        "|".join([r"snakepit/", EXPECTED, CAF, r"CLI/", r"examples/"]),
        "|".join([WORLD, TELEMETRY, JSON, r"actors/|telemetry/"]),
    ),
    # What the pool is compared with: the same worker, talked to without actors.
    Layer(
        r"bench/bare",
        ".*",
        r"actors/(?!core/|io/)|telemetry/",
    ),
    Layer(
        r"bench/",
        ".*",
        r"actors/|telemetry/",
    ),
    Layer(
        r"tests/core/",
        "|".join([PUBLIC, EXPECTED, JSON, r"actors/core/", TEST]),
        "|".join([CAF, GRPC, YAML, SQLITE, TELEMETRY]),
    ),
    Layer(
        r"tests/public/",
        "|".join([r"\w+_fixture\.hpp$", r"snakepit/", EXPECTED, CAF, POSIX, TEST]),
        "|".join([GRPC, YAML, SQLITE, TELEMETRY, r"actors/|telemetry/"]),
    ),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]', re.M)
STANDARD = re.compile(r"[a-z_]+$")
SOURCES = ("actors", "telemetry", "examples", "bench", "tests")
CLOCK = re.compile(r"\b\w+_clock::now\b|\bsleep_(?:for|until)\b")


class Tree:
    """The sources below `root` and what they include."""

    def __init__(self, root):
        self.root = root
        found = (p for top in SOURCES for p in (root / top).glob("**/*.[hc]pp"))
        self.text = {p.relative_to(root).as_posix(): p.read_text() for p in found}
        self.includes = {name: INCLUDE.findall(text) for name, text in self.text.items()}

    def resolve(self, target):
        """The file of ours that is meant, or None."""
        for name in (target, f"actors/include/{target}"):
            if name in self.text:
                return name
        return None

    def reach(self, name):
        """Yields (chain of our files, include) for all that the file sees, each include once."""
        seen = set()
        todo = [(name,)]
        while todo:
            chain = todo.pop()
            for target in self.includes[chain[-1]]:
                if target in seen:
                    continue
                seen.add(target)
                yield chain, target
                if ours := self.resolve(target):
                    todo.append((*chain, ours))


def layer_of(name):
    return next((layer for layer in LAYERS if re.match(layer.where, name)), None)


def may_include(layer, target):
    if STANDARD.match(target):
        return not re.match(layer.but_not, target)
    return re.match(layer.may, target)


def violations(root):
    tree = Tree(root)
    if not tree.text:
        yield f"{root}: no sources found"
    for name in sorted(tree.text):
        layer = layer_of(name)
        if layer is None:
            continue
        for chain, target in tree.reach(name):
            if len(chain) == 1 and not may_include(layer, target):
                yield f"{name}: must not include {target}"
            elif re.match(layer.never, target):
                yield f"{name}: must not see {target}, which comes by {' -> '.join(chain[1:]) or 'itself'}"
        if name.startswith("actors/core/") and (word := CLOCK.search(tree.text[name])):
            yield f"{name}: must not use {word.group()}; the time is an argument"


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1]
    found = list(violations(root.resolve()))
    print("\n".join(found) or "every include stays within its layer")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
