"""`parley chat` and `parley desk` with --json, as programs that a test talks to.

    with Terminal(shop, "chat", "--token", path) as ana:
        ana.call("send", text="hello")
        ana.expect("item", lambda e: e["item"]["body"].get("text") == "hello")
"""
import json
import os
import subprocess
import threading
import time

from server import READY_S, program


class Terminal:
    """One process; what it says is kept in `events`, in order."""

    def __init__(self, site, verb, *args, env=None):
        self.verb, self.events, self.read, self.more = verb, [], 0, threading.Condition()
        self.errors = open(os.path.join(site.folder, f"{verb}.err"), "a+", encoding="utf-8")
        self.process = subprocess.Popen([program(), verb, "--json", *args], env={**os.environ, **(env or {})}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        for line in self.process.stdout:
            if not line.endswith("\n"):
                break       # it was killed while it said this
            with self.more:
                self.events.append(json.loads(line))
                self.more.notify_all()
        with self.more:
            self.events.append({"event": "end"})
            self.more.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            code = self.quit()
            assert kind is not None or code == 0, f"{self.verb} ended with {code}"
        self.errors.close()

    def call(self, call, **data):
        self.process.stdin.write(json.dumps({"type": call, "data": data}) + "\n")
        self.process.stdin.flush()

    def expect(self, event, fits=lambda e: True, timeout=READY_S):
        """The next event of that name that fits; those before it are done with."""
        end = time.monotonic() + timeout
        with self.more:
            while True:
                while self.read < len(self.events):
                    found = self.events[self.read]
                    self.read += 1
                    if found["event"] == event and fits(found):
                        return found
                    assert found["event"] != "end" or event == "end", f"{self.verb} ended: {self.said()}"
                assert self.more.wait(end - time.monotonic()), f"{self.verb}: no {event}; {self.events[-5:]}"

    def state(self, state):
        return self.expect("state", lambda e: e["state"] == state)

    def text(self, text):
        return self.expect("item", lambda e: e["item"]["body"].get("text") == text)

    def reply(self, type):
        return self.expect("reply", lambda e: e["type"] == type)

    def items(self):
        """All that was told of the conversation so far, as (number, kind, text)."""
        return [(e["item"]["seq"], e["item"]["kind"], e["item"]["body"].get("text")) for e in self.events if e["event"] == "item"]

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def quit(self):
        self.process.stdin.write('{"type":"quit"}\n')
        self.process.stdin.close()
        return self.end()

    def end(self):
        """Waits for its end; its exit code."""
        code = self.process.wait(timeout=READY_S)
        self.thread.join(timeout=READY_S)
        return code
