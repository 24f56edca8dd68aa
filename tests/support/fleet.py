"""Many apps in few processes: the real C SDK with its threads, files and sockets, driven line by line (fleet.c).

    async with Fleet() as fleet:
        ana = fleet.app("ana", url, token, folder)       # connects
        id = await ana.say("hello")                      # typed: on disk
        await ana.until(lambda: ana.outbox[id] == "sent", "the answer")
        await fleet.kill()                               # -9, all of them
        await fleet.start()                              # and they are back, with what is on disk

What each app was told is kept as an app keeps it: `items` by number, `rows` of each view by the changes that came. An app
complains at once when it is told something twice, out of order, or a change that does not fit.
"""
import asyncio
import collections
import contextlib
import json
import os

from server import ROOT, program

LINE, WAIT = 64 << 20, 120


def fleet_program():
    """Beside the program under test, else in the build of the tests."""
    beside = os.path.join(os.path.dirname(program()), "fleet")
    return beside if os.path.exists(beside) else os.path.join(ROOT, "build", "asan", "fleet")


class App:
    """One client: what it was told, and what it asks."""

    def __init__(self, fleet, name, url, token, folder, rows, each):
        self.fleet, self.name, self.url, self.token, self.folder = fleet, name, url, token, folder
        self.rows_wanted, self.each, self.keys, self.hidden = rows, each, asyncio.Lock(), set()
        self.me, self.ids, self.starts, self.last = None, set(), 0, collections.deque(maxlen=30)
        self.changed = asyncio.Event()
        self.forget()

    def forget(self):
        """As an app that has just been started."""
        self.state, self.items, self.outbox, self.service, self.offers = None, {}, {}, {}, {}
        self.views, self.numbers, self.older, self.calls, self.replies, self.conversations, self.typed = {}, {}, 0, [], {}, {}, []

    def open(self):
        self.starts += 1
        self.fleet.order(f"open {self.name} {self.url} {self.token} {self.folder or '-'}")
        if self.rows_wanted and not self.each:
            self.call("view", count=self.rows_wanted)

    def call(self, type, /, **data):
        """Its place in `calls`; entry 1 there is the number that its answer bears, entry 2 what is remembered with it."""
        asked = [type, None, data]
        self.calls.append(asked)
        self.fleet.order(f"call {self.name} {json.dumps({'type': type, 'data': data})}")
        return asked

    async def ask(self, type, /, **data):
        """The reply, whatever it says; `uncertain` when the app was killed before."""
        starts, asked = self.starts, self.call(type, **data)
        await self.until(lambda: self.starts != starts or asked[1] in self.replies, type)
        return self.replies.pop(asked[1]) if self.starts == starts else {"status": "uncertain"}

    async def say(self, text, **data):
        """Returns the id once it is on disk."""
        async with self.keys, self.fleet.typing():
            before = len(self.typed)
            self.call("send", text=text, **data)
            await self.until(lambda: len(self.typed) > before, "what was typed")
            return self.typed[before]

    async def until(self, test, what, timeout=WAIT):
        end = asyncio.get_running_loop().time() + timeout
        while True:
            if self.fleet.broken:
                raise self.fleet.broken
            if test():
                return
            self.changed.clear()
            try:
                async with asyncio.timeout_at(end):     # wait_for would swallow a cancellation that meets an event
                    await self.changed.wait()
            except TimeoutError:
                raise AssertionError(f"{self.name} waited {timeout} s for {what}: {self.state}, {self.service}, "
                                     f"{[row.get('seq') for row in self.rows()]}") from None

    def rows(self, conversation=None):
        return self.views[conversation] if conversation in self.views else []

    async def scroll(self, conversation=None):
        """More rows at the top, or the app was killed meanwhile."""
        starts, older = self.starts, self.older
        self.call("view.more", view=self.numbers[conversation], count=self.rows_wanted)
        await self.until(lambda: self.older > older or self.starts != starts, "older rows")

    def hide(self, conversation):
        """Nobody looks at it any more, until it is taken out of `hidden` again."""
        self.hidden.add(conversation)
        self.views.pop(conversation)
        self.call("view.close", view=self.numbers.pop(conversation))

    # --- what it is told ---

    def take(self, e):
        self.last.append({name: e[name] if name not in ("item", "row", "data") else e[name].get("seq") for name in e})
        handler = getattr(self, "on_" + e["event"].replace(".", "_"), None)
        if handler:
            handler(e)
        self.changed.set()

    def on_called(self, e):
        asked = next(asked for asked in self.calls if asked[1] is None)
        asked[1] = e["call"]
        if asked[0] == "view":
            self.views[asked[2].get("conversation")] = self.views[asked[1]] = []
            self.numbers[asked[2].get("conversation")] = asked[1]

    def on_refused(self, e):
        raise AssertionError(f"{self.name}: {e}")

    def on_state(self, e):
        self.state = e["state"]
        assert e["state"] not in ("blocked", "needs_token"), (self.name, e)

    def on_welcome(self, e):
        self.me = e["me"]

    def on_cache(self, e):
        raise AssertionError(f"{self.name}: {e}")

    def on_conversation(self, e):
        conv = e["conversation"]
        if self.each and conv not in self.hidden and conv not in self.numbers:
            self.numbers[conv] = None
            self.call("view", conversation=conv, count=self.rows_wanted)
        self.conversations[conv] = e

    def on_item(self, e):
        told = self.items.setdefault(e["conversation"], {})
        seq = e["item"]["seq"]
        assert seq not in told, f"{self.name} was told {seq} twice"
        assert not e["new"] or not told or seq > max(told), f"{self.name}: {seq} is new, and comes after {max(told)}"
        told[seq] = e["item"]

    def on_outbox(self, e):
        assert not e["state"].startswith("failed"), (self.name, e)
        if e["id"] not in self.ids:
            self.ids.add(e["id"])
            self.typed.append(e["id"])
        self.outbox[e["id"]] = e["state"]

    def on_service(self, e):
        self.service[e["conversation"]] = e.get("service")

    def on_offer(self, e):
        self.offers[e["offer"]["conversation"]] = e["offer"]["offer"]

    def on_offer_ended(self, e):
        self.offers = {conv: offer for conv, offer in self.offers.items() if offer != e["offer"]}

    def on_desk(self, e):
        self.offers = {offer["conversation"]: offer["offer"] for offer in e["desk"]["offers"]}

    def on_reply(self, e):
        self.replies[e["call"]] = e

    def on_view(self, e):
        rows, at, change = self.views[e["view"]], e.get("index"), e["change"]
        if change == "insert":
            assert at <= len(rows), (self.name, e, len(rows))
            assert e["row"]["id"] not in [row["id"] for row in rows], f"{self.name} is shown twice: {e['row']}"
            rows.insert(at, e["row"])
        elif change == "update":
            rows[at].update(e["row"])
        elif change == "remove":
            del rows[at]
        elif change == "reset":
            rows.clear()
        else:
            self.older += 1
        numbers = [row.get("seq", 1 << 62) for row in rows]
        assert numbers == sorted(numbers), f"{self.name}: the rows are out of order: {numbers}"


class Fleet:
    """One process of them."""

    def __init__(self):
        self.apps, self.broken, self.process = {}, None, None
        self.gate, self.at_keys, self.idle = asyncio.Event(), 0, asyncio.Event()

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, kind, *_):
        if kind is not None:
            await self.kill()
            return
        self.process.stdin.close()
        await self.reading
        code = await self.process.wait()
        assert code == 0, f"fleet ended with {code}"
        if self.broken:
            raise self.broken

    async def start(self):
        """Also again, after kill: each app comes back."""
        self.process = await asyncio.create_subprocess_exec(
            fleet_program(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE)
        self.reading = asyncio.ensure_future(self.read(self.process))
        for app in self.apps.values():
            app.forget()
            app.open()
        self.gate.set()
        self.idle.set()

    def app(self, name, url, token, folder=None, rows=0, each=False):
        """With `rows` it shows so many of the main conversation, or of `each` that it hears of."""
        app = self.apps[name] = App(self, name, url, token, folder, rows, each)
        app.open()
        return app

    def order(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    def typing(self):
        return Typing(self)

    async def kill(self):
        """kill -9, between two keys: what is being typed is on disk first."""
        self.gate.clear()
        await self.idle.wait()
        with contextlib.suppress(ProcessLookupError):   # it has ended by itself, which its reader tells of
            self.process.kill()
        await self.process.wait()
        await self.reading
        for app in self.apps.values():
            app.changed.set()

    async def read(self, process):
        try:
            while (line := await process.stdout.readline()).endswith(b"\n"):
                name, event = line.split(b" ", 1)
                self.apps[name.decode()].take(json.loads(event))
        except Exception as error:  # whoever waits is told
            self.broken = error
            for app in self.apps.values():
                app.changed.set()
            raise


class Typing:
    """Somebody is at the keys."""

    def __init__(self, fleet):
        self.fleet = fleet

    async def __aenter__(self):
        await self.fleet.gate.wait()
        self.fleet.at_keys += 1
        self.fleet.idle.clear()

    async def __aexit__(self, *_):
        self.fleet.at_keys -= 1
        if self.fleet.at_keys == 0:
            self.fleet.idle.set()
