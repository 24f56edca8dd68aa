"""Bots from outside: programs with a bot key that serve sessions over the wire."""
import asyncio
import contextlib

import pytest

from parley_bot import answer_id
from parley_link import Refused
from parley_people import first_offered
from parley_wire import uuid7

QUICK = {"bots.answer_time": "3s", "bots.grace": "500ms"}     # a busy machine answers within it


@contextlib.asynccontextmanager
async def serving(*bots):
    tasks = [asyncio.ensure_future(bot.serve()) for bot in bots]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def taken(bot, conv):
    """The bot accepts; the epoch in which it has control."""
    answer = await bot.accept(await bot.offered(conv))
    return answer["thread"]["service"]["epoch"]


async def said(client, text, conv=None):
    return await client.until(lambda: next((i for i in client.items(conv) if (i.get("body") or {}).get("text") == text), None),
                              what=text)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_main_path(shop, encoding):
    key = shop.bot_key()
    with shop.serve() as server:
        bot = await shop.bot("bot", key, encoding=encoding)
        assert bot.role == "bot" and bot.desk["sessions"] == []
        ann = await shop.customer("ann")
        await ann.context({"screen": "Order A1"})
        await ann.post("hello")
        offer = await bot.briefed(ann.main)
        assert offer["queue"] == "concierge" and offer["dossier"]["name"].startswith("Ann")
        answer = await bot.accept(offer)
        assert answer["thread"]["service"]["state"] == "bot"
        assert answer["dossier"]["context"] == {"screen": "Order A1"}
        hello = await said(bot, "hello", ann.main)
        await bot.answer(hello, "What can I do for you?", ann.main)
        item = await said(ann, "What can I do for you?")
        assert item["role"] == "bot" and item["author"] == bot.me
        await ann.post("nothing, thanks")
        thanks = await said(bot, "nothing, thanks", ann.main)
        await bot.answer(thanks, "Goodbye.", ann.main)
        assert [i for i in bot.desk["sessions"]] == []
        desk = (await bot.request("inbox"))["desk"]
        assert [s["conversation"] for s in desk["sessions"]] == [ann.main] and desk["load"] == 1
        assert "service" not in await bot.resolve(ann.main, outcome="helped")
        await ann.until(lambda: "resolved" in ann.kinds())
        assert [i["body"] for i in ann.items() if i["kind"] == "resolved"][0]["outcome"] == "helped"
        await ann.post("hello again")
        await taken(bot, ann.main)
        assert "control" not in ann.kinds() and "control" in bot.kinds(ann.main)
        await bot.answer(await said(bot, "hello again", ann.main), "hi", ann.main)
        await shop.quiet()
    shop.judge()


async def test_two_processes_share(shop):
    key = shop.bot_key()
    with shop.serve(workers=2) as server:
        bots = [await shop.bot(f"bot{n}", key, capacity=5) for n in range(2)]
        async with serving(*bots):
            people = [await shop.customer(f"ann{n}") for n in range(8)]
            for ann in people:
                await ann.post("hello")
                await said(ann, "You said: hello")
        loads = [len((await bot.request("inbox"))["desk"]["sessions"]) for bot in bots]
        assert sorted(loads) == [4, 4]
        await shop.quiet()
    shop.judge()


async def test_no_more_than_its_capacity(shop):
    key = shop.bot_key()
    with shop.serve() as server:
        bot = await shop.bot("bot", key, capacity=1)
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        await ann.post("first")
        await taken(bot, ann.main)
        await bob.post("second")
        await ann.post("more")
        await said(bot, "more", ann.main)
        assert not bot.offers
        await bot.answer((bot.unanswered(ann.main))[-1], "done", ann.main)
        await bot.resolve(ann.main)
        await taken(bot, bob.main)
        await bot.answer((bot.unanswered(bob.main))[-1], "done", bob.main)
        await shop.quiet()
    shop.judge()


async def test_killed_between_hearing_and_answering(shop):
    key = shop.bot_key()
    with shop.serve(sets={"bots.grace": "300ms"}) as server:
        ann = await shop.customer("ann")
        one = await shop.bot("one", key)
        await ann.post("are you there?")
        await taken(one, ann.main)
        question = await said(one, "are you there?", ann.main)
        two = await shop.bot("two", key)
        one.log("crash")
        await one.drop()
        epoch = await taken(two, ann.main)
        reply = await two.answer(question, "yes", ann.main)
        # whoever is asked once more says the same under the same id
        again = await two.answer(question, "yes", ann.main)
        assert again["seq"] == reply["seq"] and again["duplicate"]
        with pytest.raises(Refused) as refused:
            await two.request("post", conversation=ann.main, id=answer_id(question["id"]), kind="text",
                              body={"text": "something else"}, epoch=epoch)
        assert refused.value.code == "conflict"
        await said(ann, "yes")
        assert ann.texts().count("yes") == 1 and ann.texts().count("are you there?") == 1
        await shop.quiet()
    shop.judge()


async def test_stale_epoch_is_refused(shop):
    key = shop.bot_key()
    with shop.serve() as server:
        ann, bot = await shop.customer("ann"), await shop.bot("bot", key)
        await ann.post("hello")
        before = await taken(bot, ann.main)
        service = (await bot.request("release", conversation=ann.main, epoch=before))["service"]
        assert service["state"] == "bot" and service["epoch"] > before
        with pytest.raises(Refused) as refused:
            await bot.post("I still speak", ann.main, epoch=before)
        assert refused.value.code == "stale" and refused.value.current["epoch"] == service["epoch"]
        with pytest.raises(Refused) as refused:     # knowing the epoch is not having control
            await bot.post("I still speak", ann.main, epoch=service["epoch"])
        assert refused.value.code == "stale"
        with pytest.raises(Refused) as refused:
            await bot.post("I say no epoch", ann.main)
        assert refused.value.code == "stale" and refused.value.path == "data.epoch"
        now = await taken(bot, ann.main)
        for verb, more in (("resolve", {}), ("release", {}), ("handoff.request", {}),
                           ("process.start", {"process": uuid7(), "type": "order"})):
            with pytest.raises(Refused) as refused:
                await bot.request(verb, conversation=ann.main, epoch=before, **more)
            assert refused.value.code == "stale", verb
        await bot.answer((bot.unanswered(ann.main))[-1], "now I do", ann.main, epoch=now)
        await said(ann, "now I do")
        await shop.quiet()
    shop.judge()


async def test_two_accept_at_once(shop):
    key = shop.bot_key()
    with shop.serve(workers=2) as server:
        ann = await shop.customer("ann")
        one, two = await shop.bot("one", key), await shop.bot("two", key)
        await ann.post("hello")
        first, offer = await first_offered([one, two], ann.main)
        answers = await asyncio.gather(one.accept(offer), two.accept(offer), return_exceptions=True)
        lost = [a for a in answers if isinstance(a, Refused)]
        assert len(lost) == 1 and lost[0].code == "taken"
        winner = one if lost[0] is answers[1] else two
        loser = two if winner is one else one
        with pytest.raises(Refused) as refused:     # its epoch is no secret, and no control
            await loser.post("mine too", ann.main, epoch=winner.threads[ann.main].epoch)
        assert refused.value.code == "stale"
        await winner.answer((winner.unanswered(ann.main))[-1], "mine", ann.main)
        await shop.quiet()
    shop.judge()


async def test_another_bots_session_is_not_theirs(shop):
    key, other = shop.bot_key(), shop.bot_key("other", first=False)
    with shop.serve() as server:
        ann = await shop.customer("ann")
        bot, stranger = await shop.bot("bot", key), await shop.bot("stranger", other)
        await ann.post("hello")
        offer = await bot.offered(ann.main)
        with pytest.raises(Refused) as refused:
            await stranger.accept(offer)
        assert refused.value.code == "stale"
        epoch = await taken(bot, ann.main)
        with pytest.raises(Refused) as refused:
            await stranger.post("let me", ann.main, epoch=epoch)
        assert refused.value.code == "stale"
        await bot.answer((bot.unanswered(ann.main))[-1], "hi", ann.main)
        await shop.quiet()
    shop.judge()


async def test_back_within_the_grace(shop):
    key = shop.bot_key()
    with shop.serve() as server:
        ann, bot = await shop.customer("ann"), await shop.bot("bot", key)
        await ann.post("hello")
        epoch = await taken(bot, ann.main)
        await bot.drop()
        await ann.post("still there?")
        await bot.connect()
        assert [(s["conversation"], s["epoch"]) for s in bot.desk["sessions"]] == [(ann.main, epoch)]
        await said(bot, "still there?", ann.main)
        await bot.answer((bot.unanswered(ann.main))[-1], "yes", ann.main, epoch=epoch)
        await said(ann, "yes")
        await shop.quiet()
    shop.judge()


async def test_a_declined_session_goes_to_another(shop):
    key = shop.bot_key()
    with shop.serve() as server:
        ann = await shop.customer("ann")
        bots = [await shop.bot(f"bot{n}", key) for n in range(2)]
        await ann.post("hello")
        first, offer = await first_offered(bots, ann.main)
        second = bots[1 - bots.index(first)]
        await first.decline(offer)
        await taken(second, ann.main)
        await second.answer((second.unanswered(ann.main))[-1], "hi", ann.main)
        await shop.quiet()
    shop.judge()


async def test_handoff_with_a_dossier_and_back(shop):
    shop.site.queue("returns")
    key = shop.bot_key("concierge", "--queue", "returns")
    with shop.serve() as server:
        ann, bot = await shop.customer("ann"), await shop.bot("bot", key)
        shop.staff("kim", queues=("care", "returns"))
        kim = await shop.desk("kim")
        await ann.post("my order is broken")
        await taken(bot, ann.main)
        await bot.answer((bot.unanswered(ann.main))[-1], "A person will look at it.", ann.main)
        service = (await bot.hand_off(ann.main, reason="a broken order", summary="Order A1 came broken",
                                      collected={"order": "A1"}, priority=7))["service"]
        assert service["state"] == "queued" and service["queue"] == "returns"
        offer = await kim.briefed(ann.main)
        dossier = offer["dossier"]
        assert (dossier["reason"], dossier["summary"], dossier["collected"]) == \
            ("a broken order", "Order A1 came broken", {"order": "A1"})
        assert shop.site.sql("SELECT priority FROM handoff") == [(7,)]
        await kim.accept(offer)
        with pytest.raises(Refused) as refused:
            await bot.answer(bot.items(ann.main)[0], "me too", ann.main, n=1)
        assert refused.value.code == "stale"
        await kim.say("I send another one", ann.main)
        await kim.release(ann.main, outcome="replaced", note="sent a new one")
        answer = await bot.accept(await bot.offered(ann.main))
        assert (answer["dossier"]["outcome"], answer["dossier"]["note"]) == ("replaced", "sent a new one")
        await bot.post("Kim has sent a new one.", ann.main, epoch=answer["thread"]["service"]["epoch"])
        await said(ann, "Kim has sent a new one.")
        await bot.resolve(ann.main)
        await shop.quiet()
    shop.judge()


async def test_customers_get_a_person_at_any_time(shop):
    key = shop.bot_key()
    with shop.serve() as server:
        ann, bot, kim = await shop.customer("ann"), await shop.bot("bot", key), await shop.desk("kim")
        await ann.post("hello")
        await taken(bot, ann.main)
        assert (await ann.handoff(reason="no bots"))["service"]["state"] == "queued"
        with pytest.raises(Refused) as refused:
            await bot.answer(bot.items(ann.main)[0], "wait!", ann.main)
        assert refused.value.code == "stale"
        await kim.accept(await kim.offered(ann.main))
        await kim.resolve(ann.main)
        await taken(bot, ann.main)
        await bot.resolve(ann.main)
        await shop.quiet()
    shop.judge()


async def test_processes_and_context(shop):
    key = shop.bot_key()
    with shop.serve() as server:
        ann, bot = await shop.customer("ann"), await shop.bot("bot", key)
        await ann.post("I want to order")
        epoch = await taken(bot, ann.main)
        process = await bot.process_start("order", ann.main, step="cart", data={"items": 1})
        process = await bot.process_step(process, ann.main, step="pay", data={"items": 2}, epoch=epoch)
        assert process["step"] == "pay" and process["revision"] == 2
        await ann.until(lambda: ann.kinds().count("process") == 2)
        assert "context" not in await bot.request("context.get", conversation=ann.main)
        await bot.answer((bot.unanswered(ann.main))[-1], "paid", ann.main)
        await shop.quiet()
    shop.judge()


# --- the watchdog ---

async def test_no_answer_then_another_process_then_a_person(shop):
    key = shop.bot_key()
    with shop.serve(sets=QUICK) as server:
        ann = await shop.customer("ann")
        bots = [await shop.bot(f"bot{n}", key) for n in range(2)]
        await ann.post("anybody?")
        first, offer = await first_offered(bots, ann.main)
        second = bots[1 - bots.index(first)]
        before = (await first.accept(offer))["thread"]["service"]["epoch"]
        await ann.until(lambda: any(type == "typing" for type, _ in ann.pushes), what="to be told that somebody is at it")
        await taken(second, ann.main)
        with pytest.raises(Refused) as refused:
            await first.post("late", ann.main, epoch=before)
        assert refused.value.code == "stale"
        await ann.until(lambda: "queued" in ann.kinds())
        queued = [i["body"] for i in ann.items() if i["kind"] == "queued"]
        assert [(q["why"], q["queue"]) for q in queued] == [("failed", "care")]
        assert ann.texts()[-1] == "Something went wrong on our side. A person will help you."
        kim = await shop.desk("kim")
        offer = await kim.briefed(ann.main)
        assert offer["dossier"]["reason"] == "the bot did not answer"
        await kim.accept(offer)
        await kim.resolve(ann.main)
        await ann.until(lambda: "resolved" in ann.kinds())
        await ann.post("and now?")      # a session of its own: the bot may try again
        await first.offered(ann.main) if not second.offers else None
        assert server.metrics()["parley_bot_retries_total"] == 1
        await shop.close()
    shop.judge()


async def test_the_only_process_is_asked_again(shop):
    key = shop.bot_key()
    with shop.serve(sets=QUICK) as server:
        ann, bot = await shop.customer("ann"), await shop.bot("bot", key)
        await ann.post("hello?")
        before = await taken(bot, ann.main)
        assert await taken(bot, ann.main) > before
        await bot.answer((bot.unanswered(ann.main))[-1], "here I am", ann.main)
        await said(ann, "here I am")
        await shop.quiet()
        assert "queued" not in ann.kinds()
    shop.judge()


async def test_no_process_at_all(shop):
    shop.bot_key()
    with shop.serve(sets=QUICK) as server:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        await ann.post("hello?")
        await kim.accept(await kim.offered(ann.main))
        assert "Something went wrong on our side. A person will help you." in ann.texts()
        await kim.resolve(ann.main)
        await shop.quiet()
    shop.judge()


async def test_typing_gives_time(shop):
    key = shop.bot_key()
    with shop.serve(sets={**QUICK, "bots.longest": "1h"}) as server:
        ann, bot = await shop.customer("ann"), await shop.bot("bot", key)
        other = await shop.customer("other")
        await ann.post("a hard question")
        epoch = await taken(bot, ann.main)
        [(before,)] = shop.site.sql("SELECT due FROM bot_turn")
        await other.post("nobody answers")      # so long the watchdog of another takes to come
        while not other.kinds().count("queued"):
            await bot.request("typing", conversation=ann.main, on=True)
            offer = next((o for o in bot.offers.values() if o["conversation"] == other.main), None)
            if offer:
                await bot.decline(offer)
            with contextlib.suppress(AssertionError):   # a key is pressed now and then
                await other.until(lambda: "queued" in other.kinds(), timeout=0.05)
        [(after,)] = shop.site.sql("SELECT due FROM bot_turn")
        assert after > before
        await bot.answer((bot.unanswered(ann.main))[-1], "42", ann.main, epoch=epoch)
        await said(ann, "42")
        await shop.quiet()
    shop.judge()


async def test_through_a_restart_of_the_server(shop):
    key = shop.bot_key()
    with shop.serve(sets={"bots.grace": "1h"}) as server:
        ann, bot = await shop.customer("ann"), await shop.bot("bot", key)
        await ann.post("one")
        epoch = await taken(bot, ann.main)
        server.kill()
        server.start()
        await bot.connect()
        await ann.connect()
        await bot.status("online")
        assert [s["epoch"] for s in bot.desk["sessions"]] == [epoch]
        await bot.answer((bot.unanswered(ann.main))[-1], "and so on", ann.main, epoch=epoch)
        await said(ann, "and so on")
        await shop.quiet()
    shop.judge()


async def test_the_watchdog_outlives_the_server(shop):
    key = shop.bot_key()
    with shop.serve(sets={"bots.answer_time": "4s", "bots.grace": "1h"}) as server:
        ann, bot = await shop.customer("ann"), await shop.bot("bot", key)
        await ann.post("one")
        await taken(bot, ann.main)
        server.kill()
        server.start()
        kim = await shop.desk("kim")
        await kim.accept(await kim.offered(ann.main))
        await ann.connect()
        await ann.until(lambda: "joined" in ann.kinds())
        await kim.resolve(ann.main)
        bot.link = None
        await shop.quiet()
    shop.judge()


async def test_silent_sessions_are_let_go_and_taken_up_again(shop):
    key = shop.bot_key()
    with shop.serve(sets={"bots.idle": "100ms"}) as server:
        ann, bot = await shop.customer("ann"), await shop.bot("bot", key, capacity=1)
        await ann.post("hello")
        before = await taken(bot, ann.main)
        await bot.answer((bot.unanswered(ann.main))[-1], "hi", ann.main, epoch=before)
        await bot.until(lambda: any(i["kind"] == "control" and "holder" not in i["body"] for i in bot.items(ann.main)))
        await ann.post("me again")
        assert await taken(bot, ann.main) > before
        await said(bot, "me again", ann.main)
        await bot.answer((bot.unanswered(ann.main))[-1], "welcome back", ann.main)
        await said(ann, "welcome back")
        await shop.close()
    shop.judge()


async def test_two_servers(shop):
    key = shop.bot_key()
    with shop.serve() as first, shop.serve() as second:
        bots = [await shop.bot("one", key, server=first, capacity=50), await shop.bot("two", key, server=second, capacity=50)]
        async with serving(*bots):
            people = [await shop.customer(f"ann{n}", server=(first, second)[n % 2]) for n in range(6)]
            for n in range(3):
                for ann in people:
                    await ann.post(f"word {n}")
                for ann in people:
                    await said(ann, f"You said: word {n}")
        for ann in people:
            texts = [t for t in ann.texts() if t.startswith("You said")]
            assert texts == [f"You said: word {n}" for n in range(3)]
        await shop.quiet()
    shop.judge()


async def test_keys_are_changed_under_way(shop):
    key = shop.bot_key()
    with shop.serve() as server:
        ann, bot = await shop.customer("ann"), await shop.bot("bot", key)
        await ann.post("hello")
        await taken(bot, ann.main)
        [(old,)] = shop.site.sql("SELECT id::text FROM api_key")
        new = shop.site.program_key("shop", role="bot", name="concierge")
        shop.site.cli("key", "revoke", old)
        assert await bot.closed() == 4506
        bot.token = new
        me = bot.me
        await bot.connect()
        assert bot.me == me and len(bot.desk["sessions"]) == 1
        await bot.answer((bot.unanswered(ann.main))[-1], "hi", ann.main)
        await said(ann, "hi")
        await shop.quiet()
    shop.judge()
