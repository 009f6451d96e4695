"""A real Prometheus server scrapes a real runtime."""

import contextlib
import json
import os
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from host import LIMIT, ROOT, eventually


@pytest.fixture
def admin(tmp_path, host):
    """The address of the admin server of a runtime that made one call and lost one worker."""
    folders = [host.run_dir, host.state_dir]
    command = [os.environ["SNAKEPIT_ADMIN_PROGRAM"], ROOT / "tests/public/adapter.py", *folders]
    program = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with program:
        try:
            yield program.stdout.readline().decode().strip()
        finally:
            program.stdin.close()
            assert program.wait(LIMIT) == 0


def get(url):
    with urllib.request.urlopen(url, timeout=LIMIT) as answer:
        return answer.read().decode()


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=LIMIT) as answer:
            return answer.status
    except urllib.error.HTTPError as x:
        return x.code


@contextlib.contextmanager
def prometheus(folder, target):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
        f"scrape_configs: [{{job_name: snakepit, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [
                "/usr/bin/prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield address
    finally:
        server.terminate()
        server.wait(LIMIT)


def query(address, text):
    """The value of the only series, or None."""
    try:
        answer = get(f"http://{address}/api/v1/query?query={urllib.parse.quote(text)}")
    except OSError:
        return None
    found = json.loads(answer)["data"]["result"]
    return found[0]["value"][1] if len(found) == 1 else None


def test_prometheus_reads_what_happened(admin, tmp_path):
    """A real Prometheus server scrapes a real runtime [T2]."""
    with prometheus(tmp_path, admin) as server:
        for text, value in (
            ('up{job="snakepit"}', "1"),
            ('snakepit_calls_total{tool="add",outcome="ok"}', "1"),
            ('snakepit_calls_total{tool="die",outcome="worker_crashed"}', "1"),
            ('snakepit_worker_exits_total{cause="SIGABRT"}', "1"),
            ('snakepit_call_duration_seconds_count{tool="add"}', "1"),
            ("sum(snakepit_worker_starts_total)", "2"),
            ('snakepit_pool_workers{state="ready"}', "1"),
        ):
            assert eventually(LIMIT, lambda: query(server, text) == value), text


def test_the_text_is_as_promtool_wants_it(admin):
    """`promtool check metrics` has nothing to say [T2]."""
    text = get(f"http://{admin}/metrics")
    lint = subprocess.run(
        ["/usr/bin/promtool", "check", "metrics"], input=text.encode(), capture_output=True
    )
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")


def test_probes_of_a_runtime_that_is_ready(admin):
    """/livez, /readyz and /startupz answer 200 with every pool named [T2]."""
    assert get(f"http://{admin}/livez") == "ok\n"
    assert json.loads(get(f"http://{admin}/startupz")) == {"started": True}
    # The lost worker's successor may still start.
    assert eventually(LIMIT, lambda: status(f"http://{admin}/readyz") == 200)
    ready = json.loads(get(f"http://{admin}/readyz"))
    assert ready["ready"]
    assert [(x["name"], x["state"]) for x in ready["pools"]] == [("default", "ready")]
