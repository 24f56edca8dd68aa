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
import itertools
import json
import os
import random
import re
import time

import websockets

from hist.history import STAFF_ROLES, body_hash
from parley_wire import DEFS, ENCODINGS, uuid7

CANARY = re.compile(rb"(?:cv|st):[0-9a-f-]{36}")
INDEFINITE = {"uncertain", "timeout", "internal", "closed", "canceled", "no_memory"}
WAIT, MANY, MESSAGE = 120, 256, 131072    # seconds: a busy machine is no failure; what never comes is


class Refused(Exception):
    """A request was answered with an error."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['text']}" + (f" (at {error['path']})" if error.get("path") else ""))
        self.code, self.path, self.error = error["code"], error.get("path"), error
        self.current, self.retry_after_ms = error.get("current"), error.get("retry_after_ms")

    @property
    def again(self):
        return DEFS.statuses.get(self.code, {}).get("again", False)


class Gone(Exception):
    """The link ended before the answer came."""


class Recorder:
    """One process's lines for the history checker; without a folder it forgets them."""

    def __init__(self, folder, name):
        self.name, self.lines = name, 0
        self.file = open(os.path.join(folder, f"{name}.jsonl"), "a", encoding="utf-8") if folder else None

    def __call__(self, k, **fields):
        if self.file:
            self.lines += 1
            self.file.write(json.dumps({"t": time.monotonic_ns(), "p": self.name, "n": self.lines, "k": k, **fields}) + "\n")
            self.file.flush()

    def close(self):
        if self.file:
            self.file.close()


class Link:
    """One WebSocket connection: frames out and in, replies to their requests, pushes to on_push."""
    numbers = itertools.count(1)

    def __init__(self, name, encoding, on_push=lambda *_: None, on_raw=lambda *_: None):
        self.id, self.encoding = f"{name}.{next(Link.numbers)}", ENCODINGS[encoding]
        self.on_push, self.on_raw, self.waiting, self.last = on_push, on_raw, {}, 0
        self.socket, self.reader, self.code, self.reason, self.welcomed = None, None, None, None, False

    async def open(self, url, **options):
        options = {"compression": None, "max_size": 1 << 22, "ping_interval": None, "open_timeout": WAIT, **options}
        self.socket = await websockets.connect(url, subprotocols=[self.encoding.subprotocol], **options)
        self.reader = asyncio.ensure_future(self._read())
        return self

    async def _read(self):
        try:
            async for message in self.socket:
                for frame in self.encoding.unpack(message):
                    self._take(frame)
                self.on_raw(self, message)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.code, self.reason = self.socket.close_code, self.socket.close_reason
            waiting, self.waiting = self.waiting, {}
            for future, on_reply in waiting.values():
                if on_reply:
                    on_reply(None, None)
                if not future.done():
                    future.set_exception(Gone(f"the link ended with {self.code}"))
                    future.exception()      # the asker may have gone too

    def _take(self, frame):
        if "re" not in frame:
            self.on_push(self, frame["type"], frame.get("data") or {})
            return
        future, on_reply = self.waiting.pop(frame["re"], (None, None))
        if future is None:
            return
        error = frame.get("error")
        if on_reply:
            on_reply(frame.get("data"), error)
        if not future.done():
            future.set_exception(Refused(error)) if error else future.set_result(frame.get("data") or {})
            error and future.exception()

    def frame(self, type, data, on_reply=None):
        """A request ready to be sent, and the future of its answer. on_reply hears it first, in order of arrival."""
        self.last += 1
        future = asyncio.get_running_loop().create_future()
        self.waiting[self.last] = (future, on_reply)
        return {"id": self.last, "type": type, "data": data}, future

    async def send(self, frames):
        try:
            await self.socket.send(self.encoding.pack(frames))
        except websockets.ConnectionClosed:
            raise Gone("the link is closed") from None

    async def raw(self, message):
        """Bytes or text as they are, for what no honest client would say."""
        await self.socket.send(message)

    async def request(self, verb, /, timeout=WAIT, on_reply=None, **data):
        frame, future = self.frame(verb, {k: v for k, v in data.items() if v is not None}, on_reply)
        await self.send([frame])
        return await asyncio.wait_for(future, timeout)

    async def close(self):
        if self.socket:
            await self.socket.close()
            await self.reader

    def drop(self):
        """Ends the connection without a word, as a lost network does."""
        self.socket.transport.abort()

    @property
    def open_now(self):
        return self.reader is not None and not self.reader.done() and self.socket.open


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


class Entry:
    """Something in the outbox. Awaiting it gives the answer to the attempt that settled it."""

    def __init__(self, op, type, data, body):
        self.op, self.type, self.data, self.body = op, type, data, body
        self.future, self.flying, self.attempts = asyncio.get_running_loop().create_future(), False, 0

    def __await__(self):
        return asyncio.wait_for(asyncio.shield(self.future), WAIT * 4).__await__()


class Client:
    """Somebody on one device. connect() again resumes; stay() keeps connected whatever happens."""

    def __init__(self, name, url, token, encoding="json", device=None, record=None, **options):
        self.name, self.urls, self.token, self.encoding = name, [url] if isinstance(url, str) else list(url), token, encoding
        self.device, self.options, self.log = device or uuid7(), options, Recorder(record, name)
        self.threads, self.me, self.role, self.welcome, self.link = {}, None, None, None, None
        self.outbox, self.ops, self.pushes, self.changed = [], itertools.count(1), [], asyncio.Event()
        self.held_until, self.sender, self.keeper, self.page, self.tokens_seen = 0, None, None, None, set()
        self.recap = None
        self.closes, self.auto_fill, self.window = [], True, MANY

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
        hello = {"token": self.token, "device": self.device, "client": {"name": "test"}, "page": self.page, "recap": self.recap,
                 "have": [{"conversation": t.id, "seq": t.last} for t in known] or None}
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
        while True:
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
        thread, after, got = self._thread(conv), 0, []
        while True:
            page = await self.range(conv, after=after, limit=250)
            got += page.get("items", ())
            if not page.get("items") or got[-1]["seq"] >= page["head"]:
                return got
            after = got[-1]["seq"]

    # --- the outbox ---

    def post(self, body, conv=None, kind="text", id=None, epoch=None):
        """Puts an item into the outbox; `await` it for the answer. Text may be given as it is."""
        body = {"text": body} if isinstance(body, str) else body
        data = {"conversation": conv or self.main, "id": id or uuid7(), "kind": kind, "body": body}
        if epoch is not None:
            data["epoch"] = epoch
        return self._enqueue("post", data, body)

    def _enqueue(self, type, data, body):
        entry = Entry(f"{self.name}.{next(self.ops)}", type, data, body)
        self.outbox.append(entry)
        self._pump()
        return entry

    def enqueue_again(self, entry):
        """The same item once more, as after a lost answer; the answer is the first one again."""
        self.outbox.append(entry)
        self._pump()

    async def backfill(self, conv):
        """Reads what is older than all that is known."""
        thread = self._thread(conv)
        while thread.items and min(thread.items.values(), key=lambda i: i["seq"])["prev"] > 0:
            await self.range(conv, before=min(thread.items), limit=250)
        return thread.in_order()

    def _pump(self):
        if self.sender is None or self.sender.done():
            self.sender = asyncio.ensure_future(self._drain())

    async def _drain(self):
        """Sends what is not under way, in order. After a refusal that says `again` everything waits and starts over."""
        while self.link and self.link.open_now and self.link.welcomed:
            wait = self.held_until - time.monotonic()
            if self.held_until and any(entry.flying for entry in self.outbox):
                return      # the answers to what is under way come first; the last of them pumps again
            if wait > 0:
                await asyncio.sleep(wait)
            self.held_until = 0
            room = self.window - sum(entry.flying for entry in self.outbox)
            batch = [entry for entry in self.outbox if not entry.flying][:max(0, room)]
            if not batch:
                return
            try:
                await self._launch(self.link, batch)
            except Gone:
                return

    async def _launch(self, link, batch):
        frames, size = [], 0
        for entry in batch:
            if size > MESSAGE // 4:
                await link.send(frames)
                frames, size = [], 0
            entry.flying, entry.attempts = True, entry.attempts + 1
            kind = entry.data.get("kind", entry.type)
            self.log("send", op=entry.op, conv=entry.data["conversation"], id=entry.data["id"], author=self.me, kind=kind,
                     body=body_hash(entry.body), link=link.id, box=self.name, attempt=entry.attempts,
                     **({"epoch": entry.data["epoch"]} if "epoch" in entry.data else {}))
            frame, _ = link.frame(entry.type, entry.data, lambda data, error, e=entry: self._settle(link, e, data, error))
            frames.append(frame)
            size += len(json.dumps(entry.data, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        await link.send(frames)

    def _settle(self, link, entry, data, error):
        entry.flying = False
        if data is not None:
            self.log("ack", op=entry.op, link=link.id, seq=data["seq"], dup=bool(data.get("duplicate")))
            self.window = min(MANY, self.window * 2)
            self._done(entry, lambda f: f.set_result(data))
            self._pump()
        elif error is not None:
            refused = Refused(error)
            self.log("nack", op=entry.op, link=link.id, code=refused.code, definite=refused.code not in INDEFINITE)
            if refused.again:
                self.window = 1     # what is behind it would be refused as well
                self.held_until = max(self.held_until, time.monotonic() + (refused.retry_after_ms or 50) / 1000)
                self._pump()
            else:
                self._done(entry, lambda f: f.set_exception(refused))
        if self.held_until:
            self._pump()

    def _done(self, entry, settle):
        if entry in self.outbox:
            self.outbox.remove(entry)
        if not entry.future.done():
            settle(entry.future)
            entry.future.done() and not entry.future.cancelled() and entry.future.exception()
        self._wake()

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


class Customer(Client):
    """Somebody who is served."""

    async def context(self, context, conv=None):
        return await self.request("context.put", conversation=conv or self.main, context=context)

    async def handoff(self, conv=None, **why):
        return await self.request("handoff.request", conversation=conv or self.main, **why)

    async def process_start(self, type, conv=None, process=None, **more):
        if self.staff:
            more.setdefault("epoch", self.threads[conv].epoch)
        answer = await self.request("process.start", conversation=conv or self.main, process=process or uuid7(), type=type, **more)
        return answer["process"]

    async def process_step(self, process, conv=None, id=None, **change):
        answer = await self.request("process.step", conversation=conv or self.main, process=process["process"], id=id or uuid7(),
                                    revision=change.pop("revision", process["revision"]), **change)
        return answer["process"]


class Agent(Customer):
    """Somebody who serves."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.offers, self.ended, self.desk = {}, {}, None
        self.over = set()       # offers that were answered: a desk drawn up before may still show them

    def _desk(self, desk):
        self.desk = desk
        for offer in desk["offers"]:
            if offer["offer"] not in self.over:
                self.offers.setdefault(offer["offer"], offer)

    def _other_push(self, type, data):
        if type == "offer" and data["offer"]["offer"] not in self.over:
            self.offers[data["offer"]["offer"]] = data["offer"]
        elif type == "offer.ended":
            self.ended[data["offer"]] = data
            self.over.add(data["offer"])
            self.offers.pop(data["offer"], None)
        elif type == "desk":
            self._desk(data["desk"])

    async def status(self, status):
        return (await self.request("status.set", status=status))["status"]

    async def offered(self, conv=None, timeout=WAIT):
        """The offer of a conversation, or of any, once there is one."""
        return await self.until(lambda: next((o for o in self.offers.values() if conv in (None, o["conversation"])), None),
                                timeout, "an offer")

    async def accept(self, offer):
        """The answer to offer.accept; the conversation is followed. Raises Refused."""
        op, link, conv = f"{self.name}.a{next(self.ops)}", self.welcomed, offer["conversation"]
        self.log("accept", op=op, link=link.id, who=self.me, conv=conv, offer=offer["offer"])

        def heard(data, error):
            if data or error and error["code"] != "limit":
                self.over.add(offer["offer"])
            if data:
                service = data["thread"]["service"]
                self.log("accepted", op=op, session=service["session"], epoch=service["epoch"])
                self._followed(link, data["thread"], self._thread(conv), 0)
            elif error:
                self.log("refused", op=op, code=error["code"])
        self.offers.pop(offer["offer"], None)
        return await link.request("offer.accept", conversation=conv, offer=offer["offer"], on_reply=heard)

    async def decline(self, offer, reason=None):
        self.over.add(offer["offer"])
        self.offers.pop(offer["offer"], None)
        return await self.request("offer.decline", conversation=offer["conversation"], offer=offer["offer"], reason=reason)

    def say(self, text, conv, epoch=None):
        return self.post(text, conv, epoch=epoch or self.threads[conv].epoch)

    def note(self, text, conv, to=None):
        body = {"text": text, **({"to": to} if to else {})}
        return self._enqueue("note", {"conversation": conv, "id": uuid7(), **body}, body)

    async def _leave(self, verb, conv, epoch=None, **more):
        thread = self.threads[conv]
        self.log("leave", op=f"{self.name}.l{next(self.ops)}", who=self.me, session=(thread.service or {}).get("session"))
        return await self.request(verb, conversation=conv, epoch=epoch or thread.epoch, **more)

    async def resolve(self, conv, **more):
        return await self._leave("resolve", conv, **more)

    async def release(self, conv, **more):
        return await self._leave("release", conv, **more)

    async def transfer(self, conv, queue, **more):
        return await self._leave("transfer", conv, queue=queue, **more)


async def first_offered(agents, conv=None, timeout=WAIT):
    """(agent, offer): whoever of them is offered the conversation first."""
    waiting = {asyncio.ensure_future(agent.offered(conv, timeout)): agent for agent in agents}
    done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    first = done.pop()
    return waiting[first], first.result()


class Blocking:
    """A client for code without a loop: the same calls, each of which waits for its end."""

    def __init__(self, client):
        self._client = client

    @classmethod
    def open(cls, kind, *args, **options):
        loop = asyncio.new_event_loop()

        async def begin():
            client = kind(*args, **options)
            await client.connect()
            return client
        self = cls(loop.run_until_complete(begin()))
        self._loop = loop
        return self

    def __getattr__(self, name):
        value = getattr(self._client, name)
        if not callable(value):
            return value

        def call(*args, **options):
            async def there():
                result = value(*args, **options)
                return await result if hasattr(result, "__await__") else result
            return self._loop.run_until_complete(there())
        return call

    def end(self):
        self._loop.run_until_complete(self._client.__aexit__())
        self._loop.close()
