"""Replay of real dialogues: customer, agent and database end with exactly what was said, whatever happened on the way."""
import asyncio
import random
import weakref

from dialogues import type_of
from parley_link import Gone, Refused
from parley_people import first_offered
from parley_wire import uuid7

AT_ONCE, AGENTS = 10, 3
CONNECTING = weakref.WeakKeyDictionary()      # a lock for each client: agents are shared by many dialogues


class Replay:
    """One dialogue in one conversation."""

    def __init__(self, shop, desks, dialogue, number, seed):
        self.shop, self.desks, self.dialogue = shop, desks, dialogue
        self.name, self.encoding = f"customer-{dialogue['id'].replace('_', '-')}", ("json", "msgpack")[number % 2]
        self.rng, self.devices = random.Random(f"{seed} {dialogue['id']}"), 0
        self.expected, self.processes = [], {}

    async def run(self):
        self.phone = await self.shop.customer(self.name, encoding=self.encoding)
        conv = self.conv = self.phone.main
        for n, turn in enumerate(self.dialogue["turns"]):
            if turn["from"] == "customer":
                await self.disturb()
                await self.customer_turn(turn)
            else:
                await self.agent_turn(turn)
            if n == 0:
                await self.accept()
        await self.agree(conv)

    async def disturb(self):
        """Before a turn the link may be lost, or the customer takes up another device."""
        chance = self.rng.random()
        if chance < 0.1:
            await self.phone.reconnect()
        elif chance < 0.15:
            await self.phone.close()
            self.phone.log.close()
            self.shop.clients.remove(self.phone)
            self.devices += 1
            self.phone = await self.shop.customer(f"{self.name}.{self.devices}", encoding=self.encoding)
            await self.phone.backfill(self.phone.main)

    async def accept(self):
        self.agent = await self.phone_served()
        self.agent_id = self.agent.me

    async def phone_served(self):
        """The agent who was offered this conversation takes it."""
        agent, offer = await first_offered(self.desks, self.conv, timeout=120)
        await self.surely(agent, lambda: agent.accept(offer))
        return agent

    async def surely(self, client, request):
        """A request that is repeated, with the same ids, until it has been answered; now and then its link is cut."""
        cut = self.rng.random() < 0.05
        while True:
            try:
                task = asyncio.ensure_future(request())
                if cut:
                    cut = False
                    await asyncio.sleep(0)
                    await client.drop()
                return await task
            except Gone:
                await self.back(client)

    async def resolve(self):
        epoch = self.agent.threads[self.conv].epoch
        try:
            await self.surely(self.agent, lambda: self.agent.resolve(self.conv, epoch=epoch))
        except Refused as refused:       # repeated after the answer was lost: it is resolved already
            assert refused.code == "stale", refused

    async def back(self, client):
        """Connects again, unless somebody else who shares this client has done so."""
        async with CONNECTING.setdefault(client, asyncio.Lock()):
            while not (client.link and client.link.open_now and client.link.welcomed):
                try:
                    await client.connect()
                except Gone:    # another dialogue cut the link before its hello was answered
                    pass

    async def say(self, client, text, id):
        epoch = client.threads[self.conv].epoch if client.staff else None
        entry = client.post(text, self.conv, id=id, epoch=epoch)
        if not client.staff and self.rng.random() < 0.08:
            await asyncio.sleep(0)
            await client.reconnect()
        answer = await entry
        if self.rng.random() < 0.08:
            client.enqueue_again(entry)
        self.expected.append((answer["seq"], "text", client.me, id, {"text": text}))

    async def customer_turn(self, turn):
        await self.say(self.phone, turn["text"], uuid7())
        under_way = turn.get("process")
        if under_way:
            await self.step(self.phone, type_of(under_way["service"], under_way["type"]), under_way["data"], "open")

    async def agent_turn(self, turn):
        await self.say(self.agent, turn["text"], uuid7())
        call = turn.get("call")
        if call:
            data = {**call["parameters"], **({"result": turn["result"]} if turn.get("result") else {})}
            await self.step(self.agent, type_of(call["service"], call["method"]), data, "done")

    async def step(self, client, type, data, state):
        """Starts the transaction if none of its type is open, then changes it to data and state."""
        process = self.processes.get(type)
        if process is None:
            id = uuid7()
            process = await self.surely(client, lambda: client.process_start(type, self.conv, process=id, data=data))
            self.expected.append((None, "process", client.me, None, (process["process"], 1, "open", data)))
            if state == "open":
                self.processes[type] = process
                return
            data = {}
        change = {**{k: None for k in process["data"] if k not in data and state == "open"}, **data}
        id, epoch = uuid7(), client.threads[self.conv].epoch if client.staff else None
        after = await self.surely(client, lambda: client.process_step(
            process, self.conv, id=id, state=state, data=change or None, epoch=epoch))
        self.expected.append((None, "process", client.me, id, (process["process"], after["revision"], state, change)))
        self.processes[type] = after if state == "open" else None

    async def agree(self, conv):
        """The three copies are the dialogue."""
        await self.phone.settled()
        await self.agent.settled()
        head = self.agent.threads[conv].head
        await self.phone.until(lambda: self.phone.threads[conv].last >= self.last_public(), what="the last item")
        copies = {"customer": self.phone.items(conv), "agent": self.agent.items(conv), "database": self.stored(conv)}
        for whose, items in copies.items():
            said = [i for i in items if i.get("kind") in ("text", "process")]
            assert len(said) == len(self.expected), (whose, self.dialogue["id"], len(said), len(self.expected), head)
            for item, expected in zip(said, self.expected):
                self.same(whose, item, expected)
            system = {i.get("kind") for i in items} - {"text", "process"}
            assert system <= {"opened", "queued", "offered", "joined", "context"}, (whose, system)

    def last_public(self):
        return self.shop.site.sql("SELECT max(seq) FROM item WHERE conversation = %s AND audience = 0", self.conv)[0][0]

    def stored(self, conv):
        kinds = {1: "text", 15: "process", 64: "opened", 65: "queued", 66: "offered", 67: "joined", 14: "context"}
        return [{"seq": seq, "kind": kinds[kind], "author": author, "id": id, "body": body} for seq, kind, author, id, body in
                self.shop.site.sql("SELECT seq, kind, author::text, id::text, body FROM item WHERE conversation = %s "
                                   "ORDER BY seq", conv)]

    def same(self, whose, item, expected):
        seq, kind, author, id, body = expected
        where = (whose, self.dialogue["id"], item)
        assert (item["kind"], item["author"]) == (kind, author), (where, expected)
        assert seq in (None, item["seq"]) and id in (None, item["id"]), (where, expected)
        if kind == "text":
            assert item["body"] == body, (where, expected)
        else:
            got = item["body"]
            assert (got["process"], got["revision"], got["state"]) == body[:3], (where, expected)
            assert without_null(got.get("data") or {}) == without_null(body[3]), (where, expected)


def without_null(data):
    return {key: value for key, value in data.items() if value is not None}


async def test_replay(shop, dialogues, size):
    shop.site.queue("replay")
    shop.app = shop.site.app("replay", queue="replay")
    for n in range(AGENTS):
        shop.staff(f"agent{n}", queues=("replay",), capacity=100)
    with shop.serve(workers=2):
        for begin in range(0, len(dialogues), 100):
            await some(shop, dialogues[begin:begin + 100], begin, size.seed)
        await shop.quiet()
    shop.judge(min_acks=sum(len(d["turns"]) for d in dialogues))


async def some(shop, dialogues, begin, seed):
    """So many dialogues, a few at a time; in the end the agents resolve them all and have room for the next."""
    desks = [await shop.desk(f"agent{n}.{begin}", capacity=100, encoding=("json", "msgpack")[n % 2]) for n in range(AGENTS)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number, dialogue):
        async with gate:
            replay = Replay(shop, desks, dialogue, number, seed)
            await replay.run()
            await replay.resolve()
    await asyncio.gather(*(one(begin + n, d) for n, d in enumerate(dialogues)))


