"""An independent client of the protocol, on off-the-shelf libraries: websockets, msgpack, json.

    async with Customer("ann", server.url, token, encoding="msgpack", record=folder) as ann:
        entry = ann.post("hello")               # into the outbox; sent, and sent again, until it is settled
        reply = await entry                     # {"seq": ..., "at": ...}, or Refused
        await ann.until(lambda: "hi" in ann.texts())

A client keeps what it was shown across its links, proves with the chain of `prev` that it has everything, and asks for
what it lacks. It writes down what it does for the history checker (hist/history.py): sends before the bytes are handed
over, what it hears once it is parsed.
"""
import asyncio
import random
import re
import time

import websockets

from hist.history import STAFF_ROLES, body_hash
from parley_link import WAIT, Gone, Link, Recorder, Refused
from parley_outbox import Outbox
from parley_wire import uuid7

CANARY = re.compile(rb"(?:cv|st):[0-9a-f-]{36}")


class Thread:
    """What a client holds of one conversation."""

    def __init__(self, id):
        self.id, self.items, self.next, self.base, self.last, self.head = id, {}, {}, None, 0, 0
        self.service, self.marks, self.people, self.filling, self.topic, self.customer = None, {}, {}, None, None, None

    def start(self, base):
        """Nothing was known: what is older than the first page stays unread."""
        if self.base is None:
            self.base = self.last = base

    def add(self, item):
        new = item["seq"] not in self.items
        self.items.setdefault(item["seq"], item)
        self.next[item["prev"]] = item["seq"]
        while self.last in self.next:
            self.last = self.next[self.last]
        self.head = max(self.head, item["seq"])
        self._serve(item)
        return new

    def _serve(self, item):
        body = item.get("body") or {}
        if item["seq"] == self.head and "session" in body and "epoch" in body:
            self.service = {**(self.service or {}), "session": body["session"], "epoch": body["epoch"]}

    def stands(self, service):
        """How the service stood a moment ago; what is older than what the items have said is not news."""
        if self.service is None or service is None or service["epoch"] >= self.service["epoch"]:
            self.service = service

    @property
    def epoch(self):
        return self.service["epoch"] if self.service else None

    @property
    def complete(self):
        return self.last >= self.head

    def in_order(self):
        return [self.items[seq] for seq in sorted(self.items)]


class Client(Outbox):
    """Somebody on one device. connect() again resumes; stay() keeps connected whatever happens."""

    def __init__(self, name, url, token, encoding="json", device=None, record=None, **options):
        super().__init__()
        self.name, self.urls, self.token, self.encoding = name, [url] if isinstance(url, str) else list(url), token, encoding
        self.device, self.options, self.log = device or uuid7(), options, Recorder(record, name)
        self.threads, self.me, self.role, self.welcome, self.link = {}, None, None, None, None
        self.pushes, self.changed = [], asyncio.Event()
        self.keeper, self.page, self.recap, self.tokens_seen, self.closes, self.auto_fill = None, None, None, set(), [], True
        self.leaves = False

    async def __aenter__(self):
        await self.connect()
        return self

    async def __aexit__(self, *_):
        await self.close()
        self.log.close()

    @property
    def staff(self):
        return self.role in STAFF_ROLES

    # --- links ---

    @property
    def welcomed(self):
        """The link that requests go out on. Raises Gone while there is none, or its hello has not been answered."""
        if not (self.link and self.link.welcomed):
            raise Gone("no link was welcomed yet")
        return self.link

    async def connect(self, url=None):
        """Opens a link and says hello with all that is known. Raises Refused or OSError."""
        link = Link(self.name, self.encoding, self._push, self._raw)
        await link.open(url or self.urls[0], **self.options)
        known = [t for t in self.threads.values() if t.base is not None]
        for thread in known:
            self.log("follow", link=link.id, conv=thread.id, have=thread.last)
        hello = {"token": self.token, "device": self.device, "attempt": time.time_ns() // 1000000, "client": {"name": "test"},
                 "page": self.page, "recap": self.recap, "have": [{"conversation": t.id, "seq": t.last} for t in known] or None}
        self.link = link
        try:
            await link.request("hello", on_reply=lambda data, error: data and self._welcomed(link, data), **hello)
        except BaseException:
            link.drop()
            raise
        link.reader.add_done_callback(lambda _: self._lost(link))
        self._wake()
        self._pump()
        return self.welcome

    def _welcomed(self, link, welcome):
        self.welcome, self.me, self.role, link.welcomed = welcome, welcome["me"], welcome["role"], True
        self.log("open", link=link.id, node=link.socket.remote_address[1] if link.socket.remote_address else 0, who=self.me,
                 role=self.role, device=self.device)
        for thread in welcome["threads"]:
            self._followed(link, thread, self._thread(thread["conversation"]))
        if "desk" in welcome:
            self._desk(welcome["desk"])

    def _lost(self, link):
        self.log("close", link=link.id, by="server" if link.code not in (None, 1006) else "net", code=link.code)
        self.closes.append(link.code)
        for entry in self.outbox:
            entry.flying = False
        for thread in self.threads.values():
            thread.filling = None
        self._wake()

    async def close(self):
        """Ends the client for good; what the outbox still holds is given up."""
        if self.keeper:
            self.leaves = True      # a wait that ends just now may swallow the cancel
            self.keeper.cancel()
            await asyncio.gather(self.keeper, return_exceptions=True)
        if self.sender:
            self.sender.cancel()
        for entry in self.outbox:
            self.log("giveup", op=entry.op)
        if self.link:
            await self.link.close()
            await asyncio.sleep(0)

    async def drop(self):
        """Loses the link without a word, and returns when it is lost."""
        self.link.drop()
        await self.link.reader
        await asyncio.sleep(0)

    async def reconnect(self, url=None):
        if self.link and self.link.open_now:
            await self.drop()
        return await self.connect(url)

    async def closed(self):
        """The code with which the server closes the link, once it has."""
        await asyncio.wait_for(asyncio.shield(self.link.reader), WAIT)
        await asyncio.sleep(0)
        return self.link.code

    def stay(self, seed=0):
        """Keeps the client connected from now on, wherever a server answers."""
        self.keeper = asyncio.ensure_future(self._keep(random.Random(f"{self.name} {seed}")))

    async def _keep(self, rng):
        wait = 0.02
        while not self.leaves:
            if self.link and self.link.open_now:
                await asyncio.wait([self.link.reader])
                await asyncio.sleep(0)
            try:
                await self.connect(rng.choice(self.urls))
                wait = 0.02
            except (OSError, Refused, Gone, asyncio.TimeoutError, websockets.WebSocketException, EOFError):
                await asyncio.sleep(rng.random() * wait)
                wait = min(wait * 2, 1)

    # --- what comes in ---

    def _raw(self, link, message):
        data = message if isinstance(message, bytes) else message.encode("utf-8", "surrogatepass")
        for token in set(CANARY.findall(data)):
            if link.welcomed and (link.id, token) not in self.tokens_seen:
                self.tokens_seen.add((link.id, token))
                self.log("bytes", link=link.id, token=token.decode())

    def _push(self, link, type, data):
        if type == "item":
            self._item(link, self._thread(data["conversation"]), data["item"])
        elif type == "head":
            for cursor in data["heads"]:
                self._head(link, self._thread(cursor["conversation"]), cursor["seq"])
        elif type == "service":
            self._thread(data["conversation"]).stands(data.get("service"))
        elif type == "marked":
            self._thread(data["conversation"]).marks[data["mark"]["participant"]] = data["mark"]
        else:
            self._other_push(type, data)
        self.pushes.append((type, data))
        self._wake()

    def _item(self, link, thread, item):
        self.log("recv", link=link.id, conv=thread.id, **_observed(item))
        thread.start(item["prev"])
        thread.add(item)
        self._fill(thread)

    def _head(self, link, thread, seq):
        self.log("head", link=link.id, conv=thread.id, seq=seq)
        if thread.base is not None:
            thread.head = max(thread.head, seq)
            self._fill(thread)

    def _other_push(self, type, data):
        pass

    def _thread(self, id):
        return self.threads.setdefault(id, Thread(id))

    def _followed(self, link, answer, thread, have=None):
        """A thread that came with an answer: it is followed from its head on."""
        known = thread.last if thread.base is not None and have is None else have or 0
        gap = answer.get("gap")
        extra = {"gap": [gap["from"], gap["to"]]} if gap else {}
        self.log("followed", link=link.id, conv=thread.id, have=known, head=answer["head"], page=not known,
                 items=[_listed(item) for item in answer.get("items", ())], **extra)
        self._merge(thread, answer)
        self._fill(thread)
        self._wake()

    def _merge(self, thread, answer):
        items = answer.get("items", ())
        thread.start(items[0]["prev"] if items else answer["head"])
        for item in items:
            thread.add(item)
        if answer["head"] >= thread.head:
            thread.stands(answer.get("service"))
        thread.head = max(thread.head, answer["head"])
        thread.topic = answer["topic"]
        thread.customer = answer.get("customer", thread.customer)
        thread.marks.update({mark["participant"]: mark for mark in answer.get("marks", ())})
        thread.people.update({person["id"]: person for person in answer.get("people", ())})

    # --- completeness ---

    def _fill(self, thread):
        if self.auto_fill and not thread.complete and (thread.filling is None or thread.filling.done()):
            thread.filling = asyncio.ensure_future(self._fetch(thread))

    async def _fetch(self, thread):
        try:
            while not thread.complete:
                before = len(thread.items)
                await self.range(thread.id, after=thread.last, limit=250)
                above = [seq for seq in thread.items if seq > thread.last]
                if not thread.complete and above:
                    await self.range(thread.id, before=min(above), limit=250)
                if len(thread.items) == before and not thread.complete:
                    raise AssertionError(f"{self.name}: {thread.last} to {thread.head} of {thread.id} cannot be had")
        except (Gone, Refused, asyncio.TimeoutError):
            pass    # the next link asks again, from the same place
        self._wake()

    async def range(self, conv, **page):
        op, link, thread = f"{self.name}.r{next(self.ops)}", self.welcomed, self._thread(conv)
        self.log("read", op=op, link=link.id, conv=conv, **page)

        def heard(data, error):
            if data:
                self._read(op, link, data["thread"], thread)
        return (await link.request("range", conversation=conv, on_reply=heard, **page))["thread"]

    def _read(self, op, link, answer, thread):
        self.log("readok", op=op, link=link.id, conv=thread.id, head=answer["head"],
                 items=[_listed(item) for item in answer.get("items", ())])
        thread.start(answer["items"][0]["prev"] if answer.get("items") else answer["head"])
        for item in answer.get("items", ()):
            thread.add(item)
        thread.head = max(thread.head, answer["head"])
        self._wake()

    async def subscribe(self, conv, have=None):
        link, thread = self.welcomed, self._thread(conv)
        self.log("follow", link=link.id, conv=conv, have=have or 0)
        answer = await link.request("subscribe", conversation=conv, have=have, on_reply=lambda data, error: data and
                                    self._followed(link, data["thread"], thread, have or 0))
        return answer["thread"]

    async def whole(self, conv):
        """Reads the conversation from its first item to its head, page by page."""
        after, got = 0, []
        while True:
            page = await self.range(conv, after=after, limit=250)
            got += page.get("items", ())
            if not page.get("items") or got[-1]["seq"] >= page["head"]:
                return got
            after = got[-1]["seq"]

    async def backfill(self, conv):
        """Reads what is older than all that is known."""
        thread = self._thread(conv)
        while thread.items and min(thread.items.values(), key=lambda i: i["seq"])["prev"] > 0:
            await self.range(conv, before=min(thread.items), limit=250)
        return thread.in_order()

    # --- for tests ---

    def _wake(self):
        event, self.changed = self.changed, asyncio.Event()
        event.set()

    async def until(self, test, timeout=WAIT, what=""):
        """Waits for something to hold; asked again whenever anything has changed here."""
        end = time.monotonic() + timeout
        while not (result := test()):
            try:
                async with asyncio.timeout(max(0.01, end - time.monotonic())):    # wait_for may swallow a cancel
                    await self.changed.wait()
            except asyncio.TimeoutError:
                if result := test():
                    return result
                raise AssertionError(f"{self.name} waited {timeout} s for {what or 'something'}; it holds "
                                     f"{[(i['seq'], i.get('kind')) for t in self.threads.values() for i in t.in_order()][-12:]}") from None
        return result

    @property
    def main(self):
        return next(t.id for t in self.threads.values() if t.topic == "main")

    def items(self, conv=None):
        return self.threads[conv or self.main].in_order()

    def texts(self, conv=None):
        return [item["body"]["text"] for item in self.items(conv) if item.get("kind") == "text"]

    def kinds(self, conv=None):
        return [item.get("kind") for item in self.items(conv)]

    async def settled(self, timeout=WAIT):
        """The outbox is empty and every thread complete."""
        await self.until(lambda: not self.outbox and all(t.complete for t in self.threads.values()), timeout, "settling")

    def request(self, verb, /, **data):
        return self.welcomed.request(verb, **data)


def _observed(item):
    seen = {"seq": item["seq"], "prev": item["prev"]}
    if item.get("id"):
        seen.update(id=item["id"], kind=item.get("kind"), role=item.get("role"), author=item.get("author"),
                    audience=item.get("audience", "public"), body=body_hash(item.get("body") or {}))
    return seen


def _listed(item):
    seen = _observed(item)
    return [seen[k] for k in ("seq", "prev", "id", "kind", "author", "audience", "body") if k in seen]
