"""What flows cost in a server with its Postgres, for run.py: steps a second of one worker, what a flow adds to a reply, and
what flows that never end or eat memory do to the replies of another on the same worker: beside one that fails at once too, which
costs what being apologised to and handed to a person costs."""
import asyncio
import itertools
import statistics
import time

from parley_client import Link
from parley_wire import uuid7

CALLERS, EACH, ASKS, BAD_AT_ONCE = 20, 250, 100, 4

ECHO = 'flow { id = "echo", title = "Echo" }\nwhile true do\n  local said = ask { text = "And now?", timeout = "1d" }\nend\n'
BAD = {
    "failing": 'flow { id = "failing", title = "Fails at once" }\nerror("no")\n',
    "endless": 'flow { id = "endless", title = "Never ends" }\nlocal n = 0\nwhile true do\n  n = n + 1\nend\n',
    "hog": 'flow { id = "hog", title = "Eats memory" }\nlocal kept = {}\nwhile true do\n'
           '  kept[#kept + 1] = string.rep("x" .. #kept, 10000)\nend\n',
}


class Caller:
    """A customer who remembers when items came."""
    numbers = itertools.count()

    def __init__(self, app):
        self.name = f"caller{next(Caller.numbers)}"
        self.token, self.link = app.token(self.name, name="Ana"), Link(self.name, "msgpack", self.pushed)
        self.said, self.answered, self.queued, self.news = [], [], False, asyncio.Event()

    async def connect(self, server):
        await self.link.open(server.url)
        welcome = await self.link.request("hello", token=self.token, device=uuid7(), client={"name": "bench"})
        self.conversation = welcome["threads"][0]["conversation"]

    def pushed(self, _, type, data):
        if type != "item":
            return
        item = data["item"]
        if item["kind"] == "text":
            (self.answered if item["role"] == "bot" else self.said).append(time.monotonic())
        self.queued |= item["kind"] == "queued"
        self.news.set()

    async def say(self, times=1):
        body = {"kind": "text", "body": {"text": "yes"}}
        frames = [self.link.frame("post", {"conversation": self.conversation, "id": uuid7(), **body}) for _ in range(times)]
        await self.link.send([frame for frame, _ in frames])
        return [future for _, future in frames]

    async def until(self, true):
        while not true():
            self.news.clear()
            async with asyncio.timeout(60):
                await self.news.wait()


async def ask_in_turn(caller, times):
    """Each answer is waited for; what came between the words as stored and the reply, in ms."""
    for n in range(times):
        posted = await caller.say()
        await caller.until(lambda n=n: len(caller.answered) > n and len(caller.said) > n)
        await asyncio.gather(*posted)
    return [1000 * (reply - said) for said, reply in zip(caller.said, caller.answered)]


async def together(server, app, ask):
    callers = [Caller(app) for _ in range(CALLERS)]
    await asyncio.gather(*(c.connect(server) for c in callers))
    try:
        return callers, await asyncio.gather(*(ask(c) for c in callers))
    finally:
        await asyncio.gather(*(c.link.close() for c in callers))


async def all_at_once(server, app):
    """Everybody says everything at once: steps a second until the last was answered."""
    async def ask(caller):
        posted = await caller.say(EACH)
        await caller.until(lambda: len(caller.answered) >= EACH)
        await asyncio.gather(*posted)
    began = time.monotonic()
    callers, _ = await together(server, app, ask)
    return CALLERS * EACH / (max(c.answered[-1] for c in callers) - began)


async def bad_customers(server, app):
    """One after another meets that flow, until cancelled."""
    while not asyncio.current_task().cancelling():      # a connection that opens just then swallows it
        caller = Caller(app)
        await caller.connect(server)
        try:
            await asyncio.gather(*await caller.say())
            await caller.until(lambda c=caller: c.queued)
        finally:
            await caller.link.close()


async def beside(server, app, bad):
    """Waits in ms of the good flow's customers while others meet the bad one."""
    tasks = [asyncio.ensure_future(bad_customers(server, bad)) for _ in range(BAD_AT_ONCE)] if bad else []
    try:
        _, waits = await together(server, app, lambda c: ask_in_turn(c, ASKS))
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return sorted(itertools.chain(*waits))


def part(waits, share):
    return waits[min(len(waits) - 1, int(len(waits) * share))]


def measure(bench):
    """Says the figures whose names begin with flow_."""
    bench.new_site().queue("care")
    apps = {}
    for name, source in {"echo": ECHO, **BAD}.items():
        bench.site.flow(name, source)
        apps[name] = bench.site.app(f"app-{name}", queue="care", flow=name)
    with bench.serve() as server:
        if bench.wants("flow_steps_served"):
            bench.say("flow_steps_served", [asyncio.run(all_at_once(server, apps["echo"])) for _ in range(bench.args.runs)],
                      1000 / bench.baselines["bare_commit_p50"])
        asked = [name for name in BAD if bench.wants(f"flow_beside_{name}_p50", f"flow_beside_{name}_p99")]
        waits = {name: [] for name in (None, *asked)}
        for _ in range(bench.args.runs):
            for name in waits:      # in turn, so that all meet the same noise
                waits[name].append(asyncio.run(beside(server, apps["echo"], apps.get(name))))
        for share, word in ((0.5, "p50"), (0.99, "p99")):
            found = {name: [part(w, share) for w in runs] for name, runs in waits.items()}
            bench.say(f"flow_adds_{word}", found[None], bench.baselines[f"bare_commit_{word}"])
            for name in asked:
                bench.say(f"flow_beside_{name}_{word}", found[name], statistics.median(found[None]))
