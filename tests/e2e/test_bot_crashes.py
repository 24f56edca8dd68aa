"""The server dies under a bot from outside, at every point that it passes for one: what was asked is answered once, and whom no
process answers gets a person."""
import asyncio
import contextlib
import os
import re

import pytest

from parley_link import Gone, Refused
from server import ROOT
from test_chaos import surely
from waiting import ended

WORDS = 3
ALSO = ["accept_after_commit", "move_after_submit", "move_after_commit"]     # an answer moves the turn of a bot


def bot_points(*prefixes):
    with open(os.path.join(ROOT, "server", "base", "fault.def"), encoding="utf-8") as file:
        return [name for name in re.findall(r"^FAULT\((bot_\w+)", file.read(), re.M) if name.startswith(prefixes)]


async def serve_always(bot, ready, answers=True):
    """Takes every offer and answers every word, whatever happens to the link, until cancelled. Sets ready once it is online."""
    online, answered = None, set()
    while True:
        await bot.until(lambda: bot.link and bot.link.open_now and bot.link.welcomed, 3600)
        changed = bot.changed
        with contextlib.suppress(Gone, Refused, asyncio.TimeoutError):
            if online is not bot.link:
                link = bot.link
                await bot.status("online")
                online = link
                ready.set()
                for session in bot.desk["sessions"]:
                    await bot.subscribe(session["conversation"])
            for offer in list(bot.offers.values()):
                await bot.accept(offer)
            for conv, thread in list(bot.threads.items()):
                for item in bot.unanswered(conv) if answers and thread.epoch else ():
                    if (item["id"], thread.epoch) not in answered:
                        answered.add((item["id"], thread.epoch))
                        bot.answer(item, f"You said: {item['body']['text']}", conv)
        if online is bot.link:
            await changed.wait()


@contextlib.asynccontextmanager
async def dying(server, point):
    """The server starts, dies at that point, and is started again; in the end it has died."""
    server.stop()
    server.start(fault=f"{point}:1")
    died = []

    async def watch():
        await ended(server.process)
        died.append(point)
        await asyncio.to_thread(server.start)
    watching = asyncio.ensure_future(watch())
    yield
    if not died:
        watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert died, f"{point} was never passed"


@contextlib.asynccontextmanager
async def processes(shop, answers=True):
    """Two processes of the bot, which come back whenever the server does."""
    key = shop.bot_key()
    bots = [await shop.bot(f"bot{n}", key, connect=False) for n in range(2)]
    for bot in bots:
        bot.stay()
    ready = [asyncio.Event() for _ in bots]
    tasks = [asyncio.ensure_future(serve_always(bot, event, answers)) for bot, event in zip(bots, ready)]
    try:
        await asyncio.gather(*(event.wait() for event in ready))    # else nobody takes a session in time
        yield bots
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for bot in bots:        # who has lost control hears no more: it will never be as far as the conversation
            shop.clients.remove(bot)
            await bot.close()
            bot.log.close()


@pytest.mark.parametrize("point", bot_points("bot_before_offer") + ALSO)
async def test_every_word_is_answered_once(shop, point):
    with shop.serve(sets={"server.drain_time": "200ms"}) as server:
        async with dying(server, point), processes(shop):
            ann = await shop.customer("ann", connect=False)
            ann.stay()
            await ann.until(lambda: any(t.topic for t in ann.threads.values()))
            for n in range(WORDS):
                await ann.post(f"word {n}")
                await ann.until(lambda n=n: f"You said: word {n}" in ann.texts(), what="the answer")
        await shop.quiet()
        said = [text for text in ann.texts() if text.startswith("You said")]
        assert said == [f"You said: word {n}" for n in range(WORDS)]
    shop.judge()


@pytest.mark.parametrize("point", bot_points("bot_before_retry", "bot_before_person", "bot_after_person"))
async def test_who_is_not_answered_gets_a_person_once(shop, point):
    with shop.serve(sets={"server.drain_time": "200ms", "bots.answer_time": "3s", "bots.grace": "1h"}) as server:
        async with dying(server, point), processes(shop, answers=False):
            ann, kim = await shop.customer("ann", connect=False), await shop.desk("kim", status=None, connect=False)
            ann.stay()
            kim.stay()
            await ann.until(lambda: any(t.topic for t in ann.threads.values()))
            await ann.post("anybody?")
            await ann.until(lambda: "queued" in ann.kinds(), what="to wait for a person")
            await surely(kim, lambda: kim.status("online"))
            while "joined" not in ann.kinds():
                offer = await kim.offered(ann.main)
                await surely(kim, lambda: kim.accept(offer), "stale|taken|wrong_state|not_found|limit")
                with contextlib.suppress(AssertionError):
                    await ann.until(lambda: "joined" in ann.kinds(), 2)
            await surely(kim, lambda: kim.resolve(ann.main), "stale|wrong_state")
            await ann.until(lambda: "resolved" in ann.kinds(), what="the end")
        await shop.quiet()
        assert [i["body"]["why"] for i in ann.items() if i["kind"] == "queued"] == ["failed"]
        assert ann.texts().count("Something went wrong on our side. A person will help you.") == 1
        assert ann.texts().count("anybody?") == 1
    shop.judge()
