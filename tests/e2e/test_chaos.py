"""Nothing acknowledged is lost and nothing happens twice, whatever fails: the wire, the server, the database."""
import asyncio
import contextlib
import os
import re
import time

import pytest

from chaos import Chaos
from parley_link import Gone, Refused
from parley_wire import uuid7
from server import ROOT
from shop import ECHO
from waiting import ended, moment, until

COMMITS = "(insert into item|settle)"


@contextlib.contextmanager
def database_through(shop, postgres, tmp_path_factory):
    """A proxy before Postgres, and the connection string that leads through it."""
    folder = tmp_path_factory.mktemp("pg")
    with Chaos(f"unix:{folder}/.s.PGSQL.5432", f"unix:{postgres.socket}", watch="pg") as proxy:
        proxy.dsn = f"host={folder} dbname={shop.site.name} user=parley"
        yield proxy


async def until_sprung(trap, phones, number):
    """What leaves together is one chance only, and on a busy machine much does: some more words, one by one."""
    for n in range(50 * number):
        if (await asyncio.to_thread(trap.stats))["fired"] == number:
            break
        await phones[n % len(phones)].post(f"and another {n}")


async def test_commit_answers_are_eaten(shop, size, postgres, tmp_path_factory):
    number = size(10, 100)
    with database_through(shop, postgres, tmp_path_factory) as database, shop.serve(workers=2, database=database.dsn):
        database.arm("eat_commit", count=number, every=4, match=COMMITS)
        phones, _ = await shop.crowd(size.rng, people=4, messages=max(20, number * 3))
        await until_sprung(database, phones, number)
        assert (await asyncio.to_thread(database.stats))["fired"] == number, "not exercised"
        await shop.quiet()
    shop.judge(min_acks=100)


async def test_clients_are_cut_between_commit_and_ack(shop, size):
    number = size(20, 100)
    with shop.serve(workers=2) as server, Chaos("127.0.0.1:0", f"127.0.0.1:{server.port}", watch="ws") as net:
        net.arm("cut_before_answer", count=number, every=3)
        phones, _ = await shop.crowd(size.rng, people=4, messages=max(25, number), urls=[f"ws://{net.address}/v1/ws"])
        await until_sprung(net, phones, number)
        assert (await asyncio.to_thread(net.stats))["fired"] == number, "not exercised"
        await shop.quiet()
    shop.judge(min_acks=100, min_unknown=number // 4)


async def test_bad_weather_on_the_way(shop, size):
    rounds = size(1, 5)
    with shop.serve(workers=2) as server, Chaos("127.0.0.1:0", f"127.0.0.1:{server.port}") as net:
        async def weather():
            for _ in range(rounds):
                for change in ({"delay_ms": 30, "jitter_ms": 30}, {"slice": 1}, {"slice": 7, "delay_ms": 5}, {"cut_after": 3000},
                               {"stall": True}, {"blackhole": True}, {"rate": 200_000}):
                    await asyncio.to_thread(net.clear)
                    await asyncio.to_thread(net.set, size.rng.choice(("up", "down", "both")), **change)
                    await moment(size.rng, 0.2, 0.6)
                    await asyncio.to_thread(net.clear)
                    await asyncio.to_thread(net.half_close, size.rng.choice(("up", "down")))
                    await moment(size.rng, 0, 0.2)
                    await asyncio.to_thread(net.cut)
        storm = asyncio.ensure_future(weather())
        await shop.crowd(size.rng, people=5, messages=60, urls=[f"ws://{net.address}/v1/ws"])
        await storm
        await shop.quiet()
    shop.judge(min_acks=200)


async def test_the_server_is_killed_at_random_moments(shop, size):
    number = size(4, 20)
    with shop.serve(workers=2) as server:
        async def killer():
            for _ in range(number):
                await moment(size.rng, 0.1, 1.0)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
        killing = asyncio.ensure_future(killer())
        await shop.crowd(size.rng, people=4, messages=30 * number)
        await killing
        await shop.quiet()
    shop.judge(min_acks=100)


def fault_points():
    """The names of the crash points, from the table of the server."""
    for folder, _, files in os.walk(os.path.join(ROOT, "server")):
        if "fault.def" in files:
            with open(os.path.join(folder, "fault.def"), encoding="utf-8") as file:
                return [name for name in re.findall(r"^FAULT\((\w+)", file.read(), re.M) if not name.startswith(("publish_", "bot_"))]
    return []


@pytest.mark.parametrize("point", fault_points())
async def test_the_server_is_killed_at_every_crash_point(shop, size, point):
    shop.site.flow("echo", ECHO)
    shop.app = shop.site.app("echo-app", queue="care", flow="echo")
    most, times = size(2, 1000), 0
    with shop.serve(sets={"server.drain_time": "200ms"}) as server:
        while times < most:
            server.stop()
            server.start(fault=f"{point}:{times + 1}")
            if not await killed_while_talking(shop, server, f"{point.replace('_', '-')}-{times + 1}"):
                break
            times += 1
        assert times, f"{point} was never passed"
        server.stop()       # the last one may yet come to the point
        server.start()
        print(f"killed {times} times at {point}")
        await shop.quiet()
    shop.judge()


async def killed_while_talking(shop, server, name):
    """A flow, marks, a late repeat, a handoff and an agent, while the server dies under them; True if it did."""
    died = []

    async def watch():
        await ended(server.process)
        died.append(server.process)
        await asyncio.to_thread(server.start)
    watching = asyncio.ensure_future(watch())
    ann = await shop.customer(f"ann-{name}", connect=False)
    kim = await shop.desk(f"kim-{name}", status=None, connect=False)
    ann.stay()
    kim.stay()
    await ann.until(lambda: any(t.topic for t in ann.threads.values()))
    await talk_to_echo(shop, ann)
    await meet(ann, kim)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    if server.process.poll() is not None:
        await asyncio.to_thread(server.start)
    return bool(died)


async def talk_to_echo(shop, ann):
    await ann.post("Hello")
    await ann.until(lambda: "What is it?" in ann.texts(), what="the flow to begin")
    for n in range(3):
        id = uuid7(int(time.time() * 1000) - 3_600_000) if n == 1 else None     # one that was made an hour ago
        await ann.post(f"message {n}", id=id)
        await ann.until(lambda: sum(t.startswith("You said: message") for t in ann.texts()) == n + 1, what="the flow's answer")
    assert [t for t in ann.texts() if t.startswith("You said")] == [f"You said: message {n}" for n in range(3)]
    head = ann.threads[ann.main].last
    while not await marked(shop, ann, head):    # a mark that was answered may be lost with the server, and is said again
        pass


async def marked(shop, ann, head):
    """Says how far ann has read; whether that stands in the database within four seconds."""
    await surely(ann, lambda: ann.request("mark", conversation=ann.main, read=head, delivered=head))
    row = "SELECT 1 FROM mark WHERE participant = %s AND read = %s"
    with contextlib.suppress(AssertionError):
        return await until(lambda: shop.site.sql(row, ann.me, head), "the mark", timeout=4)


async def meet(ann, kim):
    """Ann asks for a person, kim takes her, says something and resolves; the flow goes on."""
    await surely(kim, lambda: kim.status("online"))
    await surely(ann, ann.handoff, "wrong_state")
    while "joined" not in ann.kinds():
        offer = await kim.offered(ann.main)
        await surely(kim, lambda: kim.accept(offer), "stale|taken|wrong_state|not_found|limit")
        with contextlib.suppress(AssertionError):
            await ann.until(lambda: "joined" in ann.kinds(), 2)
    await kim.until(lambda: ann.main in kim.threads and kim.threads[ann.main].epoch)
    await kim.say("I am here", ann.main)
    await ann.until(lambda: "I am here" in ann.texts(), what="the agent's words")
    await surely(kim, lambda: kim.resolve(ann.main), "stale|wrong_state")
    await ann.until(lambda: "resolved" in ann.kinds(), what="the end")
    await ann.until(lambda: ann.items()[-1]["kind"] == "text", what="the flow to go on")


async def surely(client, request, fine="never"):
    """Repeats a request until it is answered; these refusals mean that an earlier attempt was heard."""
    while True:
        try:
            await client.until(lambda: client.link and client.link.open_now and client.link.welcomed, what="a link")
            return await request()
        except (Gone, asyncio.TimeoutError):
            pass
        except Refused as refused:
            if re.search(fine, refused.code):
                return None
            if not refused.again:
                raise
            await asyncio.sleep((refused.retry_after_ms or 100) / 1000)


async def test_postgres_is_killed(shop, size, postgres):
    number = size(3, 3)
    with shop.serve(workers=2):
        async def killer():
            for _ in range(number):
                await moment(size.rng, 0.5, 1.5)
                await asyncio.to_thread(postgres.crash)
                await asyncio.to_thread(postgres.start)
        killing = asyncio.ensure_future(killer())
        await shop.crowd(size.rng, people=4, messages=60)
        await killing
        await shop.quiet()
    shop.judge(min_acks=100)


async def test_postgres_is_away_for_long(shop, size, postgres):
    with shop.serve():
        ann = await shop.customer("ann")
        await ann.post("before")
        await asyncio.to_thread(postgres.freeze)
        try:
            entries = [ann.post(f"meanwhile {n}") for n in range(10)]
            await ann.sender        # all have been sent
            assert all(e.flying for e in entries)
            await ann.request("typing", conversation=ann.main, on=True)     # answered behind them, without the database
            assert not any(e.future.done() for e in entries), "acknowledged without a database"
        finally:
            await asyncio.to_thread(postgres.freeze, False)
        for entry in entries:
            await entry
        assert ann.texts()[-10:] == [f"meanwhile {n}" for n in range(10)]
        await shop.quiet()
    shop.judge()


@pytest.mark.parametrize("trouble", ["stall", "cut"])
async def test_the_way_to_the_database_is_troubled(shop, size, postgres, tmp_path_factory, trouble):
    rounds = size(3, 20)
    with database_through(shop, postgres, tmp_path_factory) as database, shop.serve(workers=2, database=database.dsn):
        async def troubles():
            for _ in range(rounds):
                await moment(size.rng, 0.1, 0.6)
                if trouble == "cut":
                    await asyncio.to_thread(database.cut)
                else:
                    await asyncio.to_thread(database.set, size.rng.choice(("up", "down", "both")), stall=True)
                    await moment(size.rng, 0.1, 1.0)
                    await asyncio.to_thread(database.clear)
        working = asyncio.ensure_future(troubles())
        await shop.crowd(size.rng, people=4, messages=60)
        await working
        await shop.quiet()
    shop.judge(min_acks=100)


async def test_two_processes_on_one_database(shop, size):
    messages = size(25, 300)
    with shop.serve(workers=2) as first, shop.serve(workers=1) as second:
        await shop.crowd(size.rng, people=6, messages=messages, agents=2, urls=[first.url, second.url])
        await shop.quiet()
    shop.judge(min_acks=6 * messages)


async def test_two_processes_of_which_one_dies(shop, size):
    number = size(2, 10)
    with shop.serve(workers=2) as first, shop.serve(workers=1) as second:
        async def killer():
            for n in range(number):
                await moment(size.rng, 0.2, 1.0)
                victim = (first, second)[n % 2]
                await asyncio.to_thread(victim.kill)
                await asyncio.to_thread(victim.start)
        killing = asyncio.ensure_future(killer())
        await shop.crowd(size.rng, people=6, messages=40 * number, agents=2, urls=[first.url, second.url])
        await killing
        await shop.quiet()
    shop.judge(min_acks=100)
