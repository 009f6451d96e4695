"""Input and output of scripts/demo.

demo_text.py paragraphs FOLDER NAMES   JSON Lines of the paragraphs of its files; whose they are to NAMES
demo_text.py lines N                   JSON Lines of N short texts
demo_text.py table NAMES RESULTS       a table of the results by file
"""

import json
import pathlib
import sys

SUBJECTS = "the worker,a call,your program,our pool,the queue,one process,a tool".split(",")
VERBS = "runs,waits for,starts,answers,ends,watches,remembers".split(",")
OBJECTS = "every reply,no one else,the next line,a short while,what was asked,its own time".split(",")


def paragraphs(folder: str, names: str) -> None:
    with open(names, "w") as owners:
        for path in sorted(pathlib.Path(folder).iterdir()):
            if path.is_symlink() or not path.is_file():
                continue
            for text in path.read_text(errors="replace").split("\n\n"):
                text = " ".join(text.split())
                if text:
                    print(json.dumps({"text": text}))
                    print(path.name, file=owners)


def lines(count: int) -> None:
    for i in range(count):
        subject, verb, thing = SUBJECTS[i % 7], VERBS[i // 7 % 7], OBJECTS[i // 49 % 6]
        print(json.dumps({"text": f"Line {i}: {subject} {verb} {thing}. And {thing} {verb} {subject}!"}))


def table(names: str, results: str) -> None:
    found: "dict[str, list[dict]]" = {}
    with open(names) as owners, open(results) as lines:
        for owner, line in zip(owners, lines):
            found.setdefault(owner.strip(), []).append(json.loads(line))
    print(f"{'licence':12} {'paragraphs':>10} {'words':>7} {'reading ease':>13}  most common words")
    for owner, paragraphs in found.items():
        words = sum(p["words"] for p in paragraphs)
        scored = [p for p in paragraphs if p["reading_ease"] is not None and p["words"] >= 20]
        weight = sum(p["words"] for p in scored)
        ease = sum(p["reading_ease"] * p["words"] for p in scored) / weight if weight else 0
        common: "dict[str, int]" = {}
        for p in paragraphs:
            for word, count in p["most_common"]:
                common[word] = common.get(word, 0) + count
        top = ", ".join(sorted(common, key=lambda w: (-common[w], w))[:3])
        print(f"{owner:12} {len(paragraphs):10,} {words:7,} {ease:13.1f}  {top}")


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "lines":
        lines(int(rest[0]))
    else:
        {"paragraphs": paragraphs, "table": table}[command](*rest)
