"""`parley mock` and the apps of tests/support/sdk_host as processes, and what they told of what they did.

    with Mock("storm", folder, seed=3) as mock:
        with App(mock, "ana", count=20) as ana:
            mock.wait(lambda: ...)               # for a line of the journal
            ana.until(mock.head("ana"))          # it ends when it has all up to there
"""
import json
import os
import signal
import subprocess
import threading

from server import ROOT, program

WAIT = 300      # seconds: a busy machine is no failure; what never comes is
RULES = {"cut", "close", "silence", "lose", "twice", "late", "refuse", "torn", "half", "head", "expires", "drain", "say"}


def host_program(name="sdk_host"):
    """Built beside the program under test, or in build/asan."""
    beside = os.path.join(os.path.dirname(program()), name)
    return beside if os.path.exists(beside) else os.path.join(ROOT, "build", "asan", name)


class Mock:
    """One mock; `lines` is its journal so far."""

    def __init__(self, script, folder, seed=1):
        self.script, self.folder, self.seed, self.lines = script, str(folder), seed, []
        self.changed, self.process, self.errors = threading.Condition(), None, None

    def __enter__(self):
        self.errors = open(os.path.join(self.folder, "mock.stderr"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([program(), "mock", "--script", self.script, "--seed", str(self.seed), "--port", "0", "--json"],
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.port = int(json.loads(self.process.stdout.readline())["url"].rsplit(":", 1)[1].split("/")[0])
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WAIT)
        self.reader.join(WAIT)
        self.errors.seek(0)
        said = self.errors.read()
        self.errors.close()
        self.process.stdout.close()
        assert kind or (code == 0 and not said), f"parley mock ended with {code}: {said}"

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(json.loads(line))
                self.changed.notify_all()

    def wait(self, test, what):
        """Until it holds of the journal; looked at again with every line."""
        with self.changed:
            assert self.changed.wait_for(test, WAIT), f"waited {WAIT} s for {what}; the journal ends {self.lines[-5:]}"

    def of(self, kind, who=None):
        return [line for line in self.lines if line["k"] == kind and who in (None, line.get("who"))]

    def stored(self, who):
        """What that customer may see, in order."""
        return [line for line in self.of("stored", who) if line["audience"] == "public"]

    def rules_that_acted(self):
        return {line["line"] for line in self.lines if line["k"] in RULES and "line" in line}


class App:
    """One app; afterwards `events` is all it noted."""

    def __init__(self, mock, who, count, *options):
        self.mock, self.who, self.path = mock, who, os.path.join(mock.folder, f"{who}.jsonl")
        self.command = [host_program(), "run", str(mock.port), who, self.path, str(count), *options]

    def __enter__(self):
        self.errors = open(self.path + ".stderr", "w+", encoding="utf-8")
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stderr=self.errors, text=True)
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
        self.process.stdin.close()
        self.process.wait(WAIT)
        self.errors.close()

    def until(self, seq):
        self.process.stdin.write(f"until {seq}\n")
        self.process.stdin.flush()
        code = self.process.wait(WAIT)
        self.errors.seek(0)
        assert code == 0, f"the app {self.who} ended with {code}: {self.errors.read()[-3000:]}"

    @property
    def noted(self):
        return read_notes(self.path)


def read_notes(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]
