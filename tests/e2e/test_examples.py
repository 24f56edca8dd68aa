"""The SDK's examples as their users see them: the messenger on a screen, the one with a loop of its own by its lines."""
import codecs
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pyte
import pytest

from chaos import Chaos
from parley_wire import uuid7
from server import READY_S, ROOT
from shop import ECHO
from test_chat_desk import desk

BUILD = os.path.join(ROOT, "build", "asan")
ENTER, QUIT, PAGE_UP, TAB = "\r", "\x11", "\x1b[5~", "\t"


def example(name):
    path = os.path.join(BUILD, name)
    if name == "messenger" and not os.path.exists(path):
        pytest.skip("the messenger is built where libncurses-dev is installed")
    return path


class Screen:
    """A program on a terminal, and what a person would see there."""

    def __init__(self, command, env, columns=100, lines=30):
        self.display = pyte.Screen(columns, lines)
        self.stream, self.decoder = pyte.Stream(self.display), codecs.getincrementaldecoder("utf-8")("replace")
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(command, env={**env, "TERM": "linux", "NCURSES_NO_UTF8_ACS": "1", "LC_ALL": "C.UTF-8"}, stdin=slave, stdout=slave,
                                        stderr=subprocess.PIPE, start_new_session=True)
        os.close(slave)

    def text(self):
        return "\n".join(self.display.display)

    def key(self, keys):
        os.write(self.master, keys.encode())

    def until(self, fits, what, timeout=READY_S):
        end = time.monotonic() + timeout
        while not fits(self.text()):
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {what} on\n{self.text()}"
            try:
                data = os.read(self.master, 65536)
            except OSError:     # its end
                data = b""
            assert data, f"it ended before {what}:\n{self.text()}\n{self.process.stderr.read().decode()}"
            self.stream.feed(self.decoder.decode(data))

    def turns_back_to(self, text):
        """A page up for every screen that comes, until the text is there; older pages come while the user reads."""
        end = time.monotonic() + READY_S
        while text not in self.text():
            assert time.monotonic() < end, f"no {text} on\n{self.text()}"
            self.key(PAGE_UP)
            while select.select([self.master], [], [], 0.1)[0]:
                self.stream.feed(self.decoder.decode(os.read(self.master, 65536)))

    def shows(self, *texts):
        for text in texts:
            self.until(lambda screen, text=text: text in screen, text)

    def lacks(self, text):
        self.until(lambda screen: text not in screen, f"screen without {text}")

    def quit(self):
        self.key(QUIT)
        with contextlib.suppress(OSError):
            while os.read(self.master, 65536):
                pass
        assert self.process.wait(READY_S) == 0, self.process.stderr.read().decode()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        os.close(self.master)


@contextlib.contextmanager
def messenger(shop, url, token, columns=100, killed=False):
    env = {**os.environ, "PARLEY_URL": url, "PARLEY_TOKEN": token}
    screen = Screen([example("messenger"), os.path.join(shop.site.folder, "kept"), "ana"], env, columns)
    try:
        screen.shows("^Q quit")     # what is typed before the terminal is set up means something else
        yield screen
        if not killed:
            screen.quit()
    finally:
        screen.close()


def test_the_messenger_on_a_train(shop):
    app, key = shop.site.app("train", flow=shop.site.flow("echo", ECHO)), shop.site.program_key("train")
    token = app.token("ana")
    with shop.serve() as server, Chaos("127.0.0.1:0", f"127.0.0.1:{server.port}") as net:
        url = f"ws://{net.address}/v1/ws"
        with messenger(shop, url, token) as screen:
            screen.shows("Conversations", "main")
            screen.lacks("Connecting")
            screen.key("Grüße \U0001f44b" + ENTER)
            screen.shows("Grüße", "✓", "Welcome.", "What is it?", "the bot is here")
            net.refuse()
            net.cut()
            screen.shows("Offline. What you write is kept. Next try in")
            screen.key("from the tunnel" + ENTER)
            screen.shows("from the tunnel", "waits to be sent")
            net.clear()
            screen.shows("You said: from the tunnel")
            screen.lacks("Offline")
            screen.lacks("waits to be sent")
            [(home,)] = shop.site.sql("SELECT DISTINCT conversation::text FROM item")
            for n in range(120):
                post = {"id": uuid7(), "kind": "text", "body": {"text": f"news {n:03}\x1b[2J"}}
                assert server.http("POST", f"/v1/conversations/{home}/items", json.dumps(post), key)[0] in (200, 201)
            screen.shows("news 119")
            screen.turns_back_to("Welcome.")
            screen.shows("newer messages below")
            screen.key("/topic billing" + ENTER)
            screen.shows(" billing")
            screen.lacks("Welcome.")
            screen.key("only half a sen")
            screen.shows("only half a sen")
        net.refuse()
        with messenger(shop, url, token, columns=60) as screen:     # killed, started, on another phone, without a network
            screen.shows("news 119", "Offline")
            screen.turns_back_to("Welcome.")
            screen.turns_back_to("this is where it began")
            screen.key(TAB)
            screen.shows("only half a sen")


CLAIM = """
flow { id = "claim", title = "A claim" }
local f = form { id = "claim", title = "Your claim", fields = {
    { id = "name", label = "Your name", required = true },
    { id = "color", label = "Its colour", type = "choice", options = { { "r", "Red" }, { "b", "Blue" } } },
    { id = "note", label = "Anything else" },
} }
say("Thank you, " .. f.name .. ", " .. tostring(f.color) .. ", " .. tostring(f.note))
"""


def test_the_messenger_fills_in_a_form(shop):
    """Half filled when it is killed, without a network: it comes back where it was."""
    app = shop.site.app("claims", flow=shop.site.flow("claim", CLAIM))
    with shop.serve() as server, Chaos("127.0.0.1:0", f"127.0.0.1:{server.port}") as net:
        url, token = f"ws://{net.address}/v1/ws", app.token("ana")
        with messenger(shop, url, token, killed=True) as screen:
            screen.lacks("Connecting")
            screen.key("my bike" + ENTER)
            screen.shows("Your claim", "/fill for the form, or your own words")
            screen.key("/fill" + ENTER)
            screen.shows("Your name (1 of 3)")
            screen.key(ENTER)
            screen.shows("This has to be answered.")
            screen.key('Ana "A"' + ENTER)
            screen.shows("Its colour (2 of 3, may be left out)  1 Red  2 Blue")
            screen.key("7" + ENTER)
            screen.shows("The number of one of these, please.")
            screen.key("\x15" + "/later" + ENTER)
            screen.shows("/fill goes on with it", "or your own words")
            screen.key("/fill" + ENTER)
            screen.shows("Its colour (2 of 3")
        net.refuse()
        with messenger(shop, url, token, columns=60) as screen:
            screen.shows("Its colour (2 of 3", "Offline")
            screen.key("2" + ENTER)
            screen.shows("Anything else (3 of 3, may be left out)")
            screen.key("/back" + ENTER)
            screen.shows("Its colour (2 of 3")
            screen.key(ENTER + "it squeaks" + ENTER)
            screen.shows("waits to be sent")
            net.clear()
            screen.shows('Thank you, Ana "A", b, it squeaks')
            screen.lacks("of 3")


BROKEN = """
flow { id = "claim", title = "A claim" }
local f = form { id = "claim", title = "Your claim", fields = {
    { id = "why", label = "Why?", required = true, options = { { "size", "Too small" }, { "broken", "It is broken" } } },
    { id = "sure", label = "Unpacked?", type = "boolean", show_if = { why = "broken" } },
    { id = "photo", label = "Photo", type = "file", required = true, show_if = { sure = true } },
    { id = "more", label = "More photos", type = "file" },
    { id = "note", label = "Anything else" },
} }
say("Thank you, " .. f.why .. ", " .. tostring(f.sure) .. ", " .. tostring(f.note))
"""


def test_the_messenger_asks_what_the_answers_call_for(shop):
    """It sends no files: one that may be left out is, one that has to be sent is said to be beyond it."""
    app = shop.site.app("claims", flow=shop.site.flow("claim", BROKEN))
    with shop.serve() as server, messenger(shop, server.url, app.token("ana")) as screen:
        screen.key("my bike" + ENTER)
        screen.shows("Your claim", "/fill for the form")
        screen.key("/fill" + ENTER)
        screen.shows("Why? (1 of 5)")
        screen.key("2" + ENTER)
        screen.shows("Unpacked? (2 of 5, may be left out)")
        screen.key("yes" + ENTER)
        screen.shows("Photo (3 of 5)", "This app cannot send that")
        screen.key("x" + ENTER)
        screen.shows("This app cannot send that")
        screen.key("\x15/back" + ENTER)
        screen.shows("Unpacked? (2 of 5")
        screen.key("\x15/back" + ENTER)
        screen.shows("Why? (1 of 5)")
        screen.key("\x151" + ENTER)
        screen.shows("Anything else (5 of 5, may be left out)")
        screen.key("it squeaks" + ENTER)
        screen.shows("Thank you, size, nil, it squeaks")


INSTEAD = """
flow { id = "instead", title = "Words instead" }
say { card = { title = "On its way", text = "Comes on Monday" }, fallback = "Your parcel is on its way." }
say { carousel = { { title = "First of them" }, { title = "Second of them" } }, fallback = "Two parcels." }
say { text = "Tea?", choices = { "Yes please", "No thanks" }, fallback = "Tea? Write yes or no." }
say { card = { title = "As ever" } }
handoff { queue = "care", reason = "x" }
"""


async def test_the_messenger_shows_words_instead_of_what_it_cannot_show(shop):
    shop.app = shop.site.app("instead", flow=shop.site.flow("instead", INSTEAD))
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "queued" in ann.kinds(), what="all of it")
        told = [i["body"].get("fallback") for i in ann.items() if i["kind"] in ("card", "choices")]
        assert told == ["Your parcel is on its way.", "Two parcels.", None, "Tea? Write yes or no.", None]
        await shop.close()
        with messenger(shop, server.url, shop.app.token("ann")) as screen:
            screen.shows("Your parcel is on its way.", "Two parcels.", "Second of them", "Tea?", "Yes please", "As ever")
            screen.lacks("Comes on Monday")
            screen.lacks("First of them")
            screen.lacks("Write yes or no")


def test_the_messenger_says_who_is_there(shop):
    email = shop.staff("kim")
    with shop.serve() as server, desk(shop, email) as kim, messenger(shop, server.url, shop.app.token("ana")) as screen:
        screen.key("my parcel is late" + ENTER)
        screen.shows("my parcel is late", "✓")
        kim.call("status.set", status="online")
        offer = kim.expect("offer")["offer"]
        kim.call("offer.accept", conversation=offer["conversation"], offer=offer["offer"])
        kim.reply("offer.accept")
        screen.shows("main  ·  Kim is here")
        kim.call("typing", conversation=offer["conversation"], on=True)
        screen.shows("Kim is typing...")
        kim.call("send", conversation=offer["conversation"], text="let me look")
        screen.until(lambda text: re.search(r"│ Kim +\n.*│  let me look", text), "Kim's words under Kim's name")
        screen.lacks("typing")
        kim.call("read", conversation=offer["conversation"], seq=kim.text("let me look")["item"]["seq"])
        screen.shows("✓✓ read")


def test_a_loop_of_the_hosts_own(shop):
    with shop.serve() as server, Chaos("127.0.0.1:0", f"127.0.0.1:{server.port}") as net:
        env = {**os.environ, "PARLEY_URL": f"ws://{net.address}/v1/ws", "PARLEY_TOKEN": shop.app.token("ana")}
        with subprocess.Popen([example("embedded")], env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as device:
            def until(line):
                while (said := device.stdout.readline().rstrip("\n")) != line:
                    assert said, f"it ended before: {line}"
            until("state   online")
            assert len(os.listdir(f"/proc/{device.pid}/task")) == 1
            device.stdin.write("one\n" + "x" * 3000 + "\n")
            device.stdin.flush()
            until("customer one")
            until("customer " + "x" * 3000)
            net.refuse()
            net.cut()
            until_start(device, "state   backoff")
            device.stdin.write("two\n")
            device.stdin.flush()
            net.clear()
            until("state   online")
            until("customer two")
            device.stdin.close()
            assert device.wait(READY_S) == 0
        texts = [text for (text,) in shop.site.sql("SELECT body->>'text' FROM item WHERE kind = 1 ORDER BY seq")]
        assert texts == ["one", "x" * 3000, "two"]


def test_what_was_typed_is_said_before_the_end(shop):
    with shop.serve() as server:
        env = {**os.environ, "PARLEY_URL": server.url, "PARLEY_TOKEN": shop.app.token("ana")}
        done = subprocess.run([example("embedded")], env=env, text=True, input="hi\nbye\n", capture_output=True, timeout=READY_S)
        assert done.returncode == 0, done
        texts = [text for (text,) in shop.site.sql("SELECT body->>'text' FROM item WHERE kind = 1 ORDER BY seq")]
        assert texts == ["hi", "bye"]


def until_start(device, start):
    while not (said := device.stdout.readline()).startswith(start):
        assert said, f"it ended before: {start}"
