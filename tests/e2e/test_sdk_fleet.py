"""Many apps at once, customers' and agents', replay real dialogues over a network that cuts, delays, truncates and ends in
one direction, and some of the phones are killed: in the end what each shows is the server's log."""
import asyncio
import contextlib
import random
import sqlite3
import uuid

import pytest

from dialogues import type_of
from fleet import Fleet
from parley_link import Gone, Link, Refused
from parley_wire import DEFS
from waiting import moment

from chaos import Chaos

KINDS = {kind["number"]: name for name, kind in DEFS.kinds.items()}
FATES = ({}, {"delay_ms": 15, "jitter_ms": 30}, {"slice": 3}, {"slice": 40, "delay_ms": 5, "way": "down"}, {"cut_after": 1300, "way": "up"},
         {"cut_after": 5000}, {"cut_after": 9000, "way": "down"}, {"half_close_after": 4000, "way": "down"},
         {"half_close_after": 2000, "way": "up"}, {"cut_after": 20000, "slice": 100})
OFFICE = ({}, {"delay_ms": 10, "jitter_ms": 10}, {"slice": 200}, {"cut_after": 100000}, {"half_close_after": 50000, "way": "down"})
ROWS = 250


class Desk:
    """An agent's app: takes what it is offered, and has a view of each conversation that it serves."""

    def __init__(self, app):
        self.app = app

    async def run(self):
        await self.app.until(lambda: self.app.state == "online", "to be online")
        await self.asked("status.set", status="online")
        while True:
            await self.app.until(lambda: self.app.offers, "an offer", 3600)
            conv, offer = self.app.offers.popitem()
            self.app.hidden.discard(conv)
            answer = await self.asked("offer.accept", conversation=conv, offer=offer)
            assert answer["status"] in ("ok", "not_found", "stale", "taken"), answer  # accepted, and the answer was lost

    async def asked(self, type, /, **data):
        while (answer := await self.app.ask(type, **data))["status"] in ("uncertain", "timeout"):
            pass
        return answer


class Customer:
    """One customer and their phone: dialogue after dialogue in the one conversation."""

    def __init__(self, shop, phone, desks, dialogues, seed):
        self.shop, self.phone, self.desks, self.dialogues = shop, phone, desks, dialogues
        self.rng, self.said, self.conv = random.Random(f"{seed} {phone.name}"), [], None

    async def run(self):
        for dialogue in self.dialogues:
            self.processes, self.agent = {}, None
            for turn in dialogue["turns"]:
                if turn["from"] == "customer":
                    await self.customer_turn(turn)
                else:
                    await self.agent_turn(turn)
            await self.agree()
            await self.resolve()

    async def customer_turn(self, turn):
        if self.rng.random() < 0.05:
            self.phone.call("network", reachable=True)
        if self.rng.random() < 0.05:
            self.phone.call("close")
            self.phone.call("connect")
        id = await self.phone.say(turn["text"])
        self.said.append((id, turn["text"]))
        await self.phone.until(lambda: self.phone.conversations, "the conversation")
        [self.conv] = self.phone.conversations
        await self.seen(self.phone, id)     # a phone that was just started tells of the service before
        await self.served()
        await self.seen(self.agent, id)
        if turn.get("process"):
            await self.step(turn["process"])

    async def served(self):
        def by_whom():
            service = self.phone.service.get(self.conv) or {}
            return service.get("state") == "live" and service.get("agent")
        await self.phone.until(by_whom, "to be served")
        self.agent = next(desk.app for desk in self.desks if desk.app.me == by_whom())

    async def seen(self, app, id):
        """The id is told by the sender's app; the other one has it once it is in its log."""
        await app.until(lambda: any(item.get("id") == id for item in reversed(app.items.get(self.conv, {}).values())), id)

    async def agent_turn(self, turn):
        await self.agent.until(lambda: (self.agent.service.get(self.conv) or {}).get("agent") == self.agent.me, "control")
        id = await self.agent.say(turn["text"], conversation=self.conv)
        self.said.append((id, turn["text"]))
        await self.seen(self.phone, id)
        if self.rng.random() < 0.3:
            self.phone.call("read", seq=max(self.phone.items[self.conv]))

    async def step(self, under_way):
        type = type_of(under_way["service"], under_way["type"])
        process = self.processes.get(type)
        if process:
            answer = await self.phone.ask("process.step", process=process["process"], revision=process["revision"],
                                          data=under_way["data"])
        else:
            answer = await self.phone.ask("process.start", type=type, data=under_way["data"])
        assert answer["status"] in ("ok", "uncertain", "stale", "timeout"), answer
        self.processes[type] = answer["data"]["process"] if answer["status"] == "ok" else None

    async def resolve(self):
        while (await self.agent.ask("resolve", conversation=self.conv))["status"] not in ("ok", "stale"):
            pass
        self.agent.hide(self.conv)
        await self.phone.until(lambda: not self.phone.service.get(self.conv), "the end")

    # --- what everybody has ---

    def log(self, staff):
        rows = self.shop.site.sql("SELECT seq, kind, author::text, id::text, body FROM item WHERE conversation = %s"
                                  " AND audience <= %s ORDER BY seq", self.conv, int(staff))
        return [(seq, KINDS[kind], author, id, body) for seq, kind, author, id, body in rows]

    async def agree(self):
        """What the views show is the log, and so is what was told."""
        await self.phone.until(lambda: not self.unsent(self.phone), "the outbox to empty")
        await self.agent.until(lambda: not self.unsent(self.agent), "the outbox to empty")
        public, all = self.log(False), self.log(True)
        assert [(id, body["text"]) for _, kind, _, id, body in public if kind == "text"] == self.said
        await self.shows(self.phone, None, public)
        await self.shows(self.agent, self.conv, all)
        told = [flat(item) for _, item in sorted(self.phone.items[self.conv].items())]
        assert told == public[-len(told):], (self.phone.name, told, public)

    def unsent(self, app):
        return [id for id, state in app.outbox.items() if state in ("queued", "sending")]

    async def shows(self, app, view, log):
        """The newest rows at once, the older ones as the user scrolls."""
        def shown():
            return [flat(row["item"]) for row in app.rows(view)]
        try:
            await app.until(lambda: app.rows(view) and shown() == log[-len(app.rows(view)):], "the view to be the log")
            while len(shown()) < len(log):
                await app.scroll(view)
                await app.until(lambda: shown() == log[-len(app.rows(view)):], "the view to be the log")
        except AssertionError as error:
            raise AssertionError(f"{error}\nshown {shown()}\nlog   {log}") from None


def flat(item):
    return (item.get("seq"), item["kind"], item.get("author"), item.get("id"), item["body"])


async def storm(net, fleets, rng):
    """While the dialogues go on all are cut at once, nobody gets through for a while, and phones - not the office, which
    stands last - are killed and started."""
    while True:
        await moment(rng, 0.5, 2.5)
        for app in [app for fleet in fleets for app in fleet.apps.values()]:
            if app.state == "backoff":
                app.call("network", reachable=True)     # the train leaves the tunnel
        what = rng.choice(("cut", "cut", "half_close", "refuse", "kill"))
        if what == "kill":
            fleet = rng.choice(fleets[:-1])
            await fleet.kill()
            await fleet.start()
        elif what == "refuse":
            await asyncio.to_thread(net.refuse)
            await asyncio.to_thread(net.cut)
            await moment(rng, 0.2, 1)
            await asyncio.to_thread(net.refuse, False)
        elif what == "half_close":
            await asyncio.to_thread(net.half_close, rng.choice(("up", "down")))
        else:
            await asyncio.to_thread(net.cut)


async def test_the_hello_of_a_killed_phone_comes_late(shop, tmp_path):
    """It ends nothing, though it comes after that of the next process. The network's part is ours here."""
    with shop.serve(workers=2) as server:
        async with Fleet() as fleet:
            phone = fleet.app("ann", server.url, shop.app.token("ann"), str(tmp_path / "ann"), rows=ROWS)
            await phone.until(lambda: phone.state == "online", "to be online")
            await fleet.kill()
            hello = {"token": phone.token, **said_by(tmp_path / "ann")}
            await fleet.start()
            await phone.until(lambda: phone.state == "online", "to be online")
            for _ in range(8):      # by either worker
                late = await Link("late", "msgpack").open(server.url)
                with pytest.raises((Refused, Gone), match="replaced|4503"):
                    await late.request("hello", **hello)
                    await late.request("conversation.open", topic="late")
            id = await phone.say("I am here")
            await phone.until(lambda: phone.outbox[id] == "sent", "the answer")
            assert "backoff" not in [event.get("state") for event in phone.last]


def said_by(folder):
    """The part of its last hello that an app keeps."""
    [file] = folder.glob("*.keep")
    with contextlib.closing(sqlite3.connect(file)) as kept:
        [(device, attempt)] = kept.execute("SELECT device, number FROM owner, attempt")
    return {"device": str(uuid.UUID(bytes=device)), "attempt": attempt}


async def test_a_crowd_replays_dialogues_on_a_bad_network(shop, dialogues, size, tmp_path):
    people, agents, processes = size(12, 200), size(2, 10), size(2, 4)
    rng = random.Random(size.seed)
    shop.site.queue("replay")
    shop.app = shop.site.app("replay", queue="replay")
    emails = [shop.staff(f"agent{n}", queues=("replay",), capacity=100) for n in range(agents)]
    async with contextlib.AsyncExitStack() as stack:
        server = stack.enter_context(shop.serve(workers=2))
        net, wire = [stack.enter_context(Chaos("127.0.0.1:0", f"127.0.0.1:{server.port}")) for _ in "ab"]
        url, inside = [f"ws://{way.address}/v1/ws" for way in (net, wire)]
        fleets = [await stack.enter_async_context(Fleet()) for _ in range(processes)]
        office = await stack.enter_async_context(Fleet())
        desks = [Desk(office.app(email, inside, await asyncio.to_thread(server.login, email), rows=ROWS, each=True))
                 for email in emails]
        customers = []
        for n in range(people):
            name = f"customer-{n}"
            phone = fleets[n % processes].app(name, url, shop.app.token(name), str(tmp_path / name), rows=ROWS)
            customers.append(Customer(shop, phone, desks, dialogues[n::people][:2 if not size.long else None], size.seed))
        await asyncio.to_thread(net.fates, size.seed, *FATES)
        await asyncio.to_thread(wire.fates, size.seed, *OFFICE)
        tasks = [asyncio.ensure_future(desk.run()) for desk in desks] + [asyncio.ensure_future(storm(net, [*fleets, office], rng))]
        talking = asyncio.gather(*(customer.run() for customer in customers))
        tasks.append(talking)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        print(await asyncio.to_thread(net.stats))
