"""A small company to test with: queues, agents, an app or two, customers who come by, and a judge at the end.

    async def test_it(shop):
        with shop.serve() as server:
            ann = await shop.customer("ann")
            kim = await shop.desk("kim")
            ...
            await shop.quiet()
        shop.judge()
"""
import asyncio
import contextlib
import json
import random

import histcheck
from hist import dump
from parley_bot import Bot
from parley_link import WAIT, Gone, Recorder, Refused
from parley_people import Agent, Customer
from parley_wire import DEFS
from server import CANARY, command_lines

ECHO = """
flow { id = "echo", title = "Says what it hears" }
say "Welcome."
while true do
    local said = ask { id = "next", text = "What is it?" }
    say("You said: " .. tostring(said))
end
"""


class Shop:
    def __init__(self, site):
        self.site, self.clients, self.servers, self.known = site, [], [], set()
        self.driver = Recorder(site.record, "driver")
        self.care = site.queue("care")
        self.app, self.tokens = site.app("shop", queue=self.care), {}

    # --- servers ---

    @contextlib.contextmanager
    def serve(self, **options):
        """A server that stops cleanly in the end; the first one is where everybody connects."""
        server = self.site.serve(f"server{len(self.servers)}", **options)
        self.servers.append(server)
        with server:
            yield server

    @property
    def server(self):
        return self.servers[0]

    # --- people ---

    def staff(self, name, queues=("care",), capacity=5, role="agent"):
        """An agent's e-mail; added to the installation the first time."""
        email = f"{name}@example.com"
        if email not in self.known:
            self.known.add(email)
            self.site.agent(email, queues, role, capacity)
            [(id,)] = self.site.sql("SELECT id::text FROM agent WHERE email = %s", email)
            self.driver("agent", who=id, capacity=capacity)
        return email

    async def customer(self, name, app=None, server=None, device=None, connect=True, url=None, claims=None,
                       **options):
        """A customer on a device of theirs: `ann`, or `ann.tablet` for another device of ann's; claims go into the token."""
        token = (app or self.app).token(name.split(".")[0], **(claims or {}))
        client = Customer(name, url or (server or self.server).url, token, device=device, record=self.site.record, **options)
        return await self._keep(client, connect)

    async def desk(self, name, status="online", server=None, connect=True, url=None, capacity=5, **options):
        """An agent at their desk, who takes offers."""
        email = self.staff(name.split(".")[0], capacity=capacity)
        if email not in self.tokens:
            self.tokens[email] = await asyncio.get_running_loop().run_in_executor(None, (server or self.server).login, email)
        client = Agent(name, url or (server or self.server).url, self.tokens[email], record=self.site.record, **options)
        await self._keep(client, connect)
        if connect and status:
            await client.status(status)
        return client

    def bot_key(self, name="concierge", *flags, first=True):
        """A key of a bot from outside, which serves the app's customers first."""
        more = ["--first"] if first else []
        return json.loads(self.site.cli("bot", "add", self.app.name, name, *more, *flags, "--json"))["key"]

    async def bot(self, name, key, status="online", capacity=None, server=None, connect=True, url=None, **options):
        """A process of it, which takes sessions."""
        client = Bot(name, url or (server or self.server).url, key, record=self.site.record, **options)
        await self._keep(client, connect)
        if connect and status:
            await client.status(status, capacity)
        return client

    async def _keep(self, client, connect):
        self.clients.append(client)
        if connect:
            await client.connect()
        return client

    async def served(self, ann, kim, text="I need help"):
        """Ann writes, kim takes it: the conversation's id, once both know."""
        await ann.post(text)
        offer = await kim.offered(ann.main)
        await kim.accept(offer)
        await ann.until(lambda: "joined" in ann.kinds(), what="the agent to join")
        return ann.main

    # --- a busy day ---

    async def crowd(self, rng, people=4, messages=20, agents=1, urls=None, encodings=("json", "msgpack")):
        """Customers who write, two devices each now and then, and agents who take and answer everything. Whatever
        happens to their links they come back; returns when every message is settled."""
        desks = [await self.desk(f"desk{n}", status=None, connect=False, url=urls, capacity=100, encoding=encodings[n % 2])
                 for n in range(agents)]
        phones = []
        for n in range(people):
            for device in range(1 + n % 2):
                name = f"person{n}" if device == 0 else f"person{n}.tablet"
                phones.append(await self.customer(name, connect=False, url=urls, encoding=encodings[(n + device) % 2]))
        for n, client in enumerate(desks + phones):
            client.stay(n)
        answering = [asyncio.ensure_future(answer_all(desk)) for desk in desks]
        try:
            await asyncio.gather(*(talk(phone, random.Random(rng.random()), messages) for phone in phones))
        finally:
            for task in answering:
                task.cancel()
            await asyncio.gather(*answering, return_exceptions=True)
        return phones, desks

    # --- the end ---

    async def quiet(self, timeout=WAIT):
        """Everybody who is connected, or stays so, has settled and holds all they may see."""
        for client in self.clients:
            if client.keeper:
                await client.until(lambda c=client: c.link and c.link.open_now and c.link.welcomed, timeout, "a link")
        clients = [c for c in self.clients if c.link and c.link.open_now]
        heads, before = self.heads(), None
        while heads != before:      # flows and routing may still have something to say
            for client in clients:
                await client.settled(timeout)
                for thread in list(client.threads.values()):  # a conversation may come meanwhile
                    head = heads.get(thread.id, (0, 0))[1 if client.staff else 0]
                    await client.until(lambda t=thread, h=head: t.last >= h, timeout, f"{head} of {thread.id}")
            await asyncio.sleep(0.3)
            heads, before = self.heads(), heads
        self.driver("quiet")
        for client in clients:
            client.log("outbox", box=client.name, left=len(client.outbox))
        await self.close()

    def heads(self):
        """Last public and last number of every conversation."""
        return {conv: (public, last) for conv, public, last in self.site.sql(
            "SELECT conversation::text, coalesce(max(seq) FILTER (WHERE audience = 0), 0), max(seq) FROM item GROUP BY 1")}

    async def close(self):
        clients, self.clients = self.clients, []
        for client in clients:
            await client.close()
            client.log.close()

    def judge(self, min_acks=0, min_unknown=0, late_s=10):
        """The history checker's verdict on everything that was recorded and on the database."""
        dump.dump(self.site.sql, DEFS, self.driver)
        self.driver.close()
        code, first, report = histcheck.judge(self.site.record, min_acks, min_unknown, late_s)
        print(first)
        more = "\n".join(f"{v['rule']} {v['name']} {v['text']}" for v in report["violations"][:20])
        assert code == 0, f"{first}\n{more}\n(recorded in {self.site.record})"
        return report

    def search_canaries(self):
        """Nothing secret and nothing said stands in a log, among the metrics or on a command line."""
        secrets = [CANARY, *self.site.passwords.values(), *self.tokens.values(), self.app.key.get("d") or CANARY]
        logs, commands = self.site.logs(), "\n".join(command_lines())
        for secret in secrets:
            assert secret not in logs, f"a log holds {secret[:12]}...: {_around(logs, secret)}"
            assert secret not in self.site.scrapes, f"the metrics hold {secret[:12]}...: {_around(self.site.scrapes, secret)}"
            assert secret not in commands, f"a command line holds {secret[:12]}..."


def _around(text, secret):
    at = text.index(secret)
    return text[max(0, text.rfind("\n", 0, at)):at][-300:] + "<here>"


async def talk(phone, rng, messages):
    """Writes so many messages, a few at a time, some of them twice."""
    await phone.until(lambda: any(t.topic for t in phone.threads.values()), 120, "to be connected")
    waiting = []
    for n in range(messages):
        text = f"cv:{phone.main} message {n} of {phone.name} " + "x" * rng.choice((0, 10, 100, 2000))
        entry = phone.post(text)
        waiting.append(entry)
        if rng.random() < 0.1:
            await entry
            phone.enqueue_again(entry)
        if len(waiting) >= 4:
            await waiting.pop(0)
    for entry in waiting:
        await entry
    await phone.until(lambda: not phone.outbox, 120, "the outbox to empty")


async def answer_all(desk):
    """Takes every offer and answers every customer's words, until cancelled."""
    answered, online = set(), None
    while True:
        await desk.until(lambda: desk.link and desk.link.open_now and desk.me, 3600)
        link = desk.link
        try:
            if online is not link:
                await desk.status("online")
                online = link
            for offer in list(desk.offers.values()):
                await desk.accept(offer)
            for thread in list(desk.threads.values()):
                for item in thread.in_order():
                    if item.get("role") == "customer" and item["kind"] == "text" and item["id"] not in answered and thread.epoch:
                        answered.add(item["id"])
                        desk.say(f"an answer to {item['seq']}", thread.id)
        except (Gone, Refused, asyncio.TimeoutError):
            pass
        await asyncio.wait([asyncio.ensure_future(desk.changed.wait())], timeout=0.5)
