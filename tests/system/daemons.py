"""Daemons under test."""

import json
import signal
import socket

from host import LIMIT, ROOT, eventually

SERVED = str(ROOT / "tests" / "workers" / "served.py")


class Daemon:
    """`snakepit serve`, ready; ended by force at the end if it has not been before."""

    def __init__(self, host, *arguments, workers=2, more="", ready=True, configured=False, **options):
        """`configured`: there is a snakepit.yaml."""
        self.host = host
        if not configured:
            host.file("snakepit.yaml", f"pools: [{{adapter: {SERVED}, workers: {workers}, spawn: exec}}]\n{more}")
        self.log = host.work / "daemon.log"
        with open(self.log, "wb") as log:
            self.process = host.start("serve", "--no-admin", "--json", *arguments, stderr=log, **options)
        self.hello = json.loads(self.process.stdout.readline() or "{}") if ready else None
        assert self.hello != {}, self.log.read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def pid(self):
        return self.process.pid

    def run(self, *arguments, **options):
        return self.host.run(*arguments, **options)

    def call(self, tool, *arguments):
        return self.run("call", "--daemon", tool, *arguments)

    def status(self):
        return self.run("status", "--json").json

    def pool(self):
        return self.status()["pools"][0]

    def end(self, number=signal.SIGTERM):
        """Sends it a signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT)

    def says(self, text):
        """Waits for it to say something on stderr."""
        return eventually(30, lambda: text in self.log.read_text())


class ServiceManager:
    """The socket to which a service tells how it is."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def hear(self):
        """The next message, as a dictionary."""
        lines = self.socket.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def hear_until(self, *keys):
        """The next message that has one of them."""
        while not set(keys).intersection(message := self.hear()):
            pass
        return message
