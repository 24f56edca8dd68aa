"""Where the customer was: what the server says in welcome, and what the SDK knows from its cache, field by field."""
import asyncio
import itertools

import pytest

from test_chat_desk import chat
from test_process import REFUND, declare
from test_sdk import kept, stop
from waiting import until

ASKED = {"text": "Which one?", "options": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}]}
PROBES = itertools.count()
FORM = {"title": "Where to?", "fields": [{"id": "street", "label": "Street", "type": "text"}]}


async def there(call, *args, **options):
    """A terminal waits; the others go on meanwhile."""
    return await asyncio.to_thread(call, *args, **options)


def by_id(processes):
    return sorted(processes, key=lambda p: p["process"])


async def same(shop, ana, sub="ana"):
    """The recap of a client that asks the server, and of the SDK: the same. Returns it."""
    phone = await shop.customer(f"{sub}.probe{next(PROBES)}", connect=False)
    phone.recap = True
    [said] = (await phone.connect())["threads"]
    ana.call("recap")
    here = (await there(ana.reply, "recap"))["data"]
    recap = said["recap"]
    assert (here["head"], here["read"], here["unread"]) == (said["head"], recap["read"], recap["unread"])
    assert here.get("question", {}).get("seq") == recap.get("question")
    assert by_id(here["processes"]) == by_id(recap.get("processes", []))
    assert here.get("service") == said.get("service") and "more" not in recap
    await phone.close()
    shop.clients.remove(phone)
    return here


async def marked(shop, conv, read):
    await until(lambda: shop.site.sql("SELECT 1 FROM mark WHERE conversation = %s AND read >= %s AND role = 1", conv, read),
                "the mark to be stored")


async def test_after_an_absence(shop):
    declare(shop.site, "shop", REFUND)
    with shop.serve():
        kim = await shop.desk("kim")
        with kept(shop, "ana") as ana:
            ana.call("send", text="help")
            conv = (await there(ana.text, "help"))["conversation"]
            await kim.accept(await kim.offered(conv))
            epoch = kim.threads[conv].epoch
            first = (await kim.post(ASKED, conv, kind="choices", epoch=epoch))["seq"]
            ana.call("tap", seq=first, value="a")
            await there(ana.expect, "item", lambda e: e["item"]["kind"] == "choice")
            ana.call("process.start", type="refund", data={"order": "A1"})
            process = (await there(ana.reply, "process.start"))["data"]["process"]
            ana.call("process.start", type="other")
            other = (await there(ana.reply, "process.start"))["data"]["process"]
            read = (await kim.say("read by ana", conv))["seq"]
            await there(ana.text, "read by ana")
            ana.call("read", seq=read)
            await marked(shop, conv, read)
            stop(ana)
        await kim.say("one", conv)
        await kim.note("she is away", conv)
        form = (await kim.post(FORM, conv, kind="form", epoch=epoch))["seq"]
        await kim.process_step(process, conv, step="amount", data={"iban": "DE00"}, epoch=epoch)
        await kim.process_step(other, conv, state="done", epoch=epoch)
        await kim.say("two", conv)
        with kept(shop, "ana") as ana:
            ana.call("recap")
            before = (await there(ana.reply, "recap"))["data"]
            assert before["unread"] == 0 and len(before["processes"]) == 2     # as it was when she left
            told = await there(ana.expect, "recap")
            await there(ana.expect, "synced")
            await there(ana.expect, "process", lambda e: e["process"]["process"] == other["process"])   # how it ended is asked for
            here = await same(shop, ana)
            assert here["unread"] == told["unread"] == 5 and here["question"] == told["question"]
            assert here["question"]["seq"] == form and here["question"]["body"]["title"] == "Where to?"
            [open_one] = here["processes"]
            assert (open_one["step"], open_one["revision"]) == ("amount", 2)
            assert open_one["missing"] == [{"field": "agreed"}]
            assert (here["service"]["state"], here["service"]["agent_name"]) == ("live", "Kim")
            ana.call("submit", seq=form, values={"street": "High St"})
            await there(ana.expect, "item", lambda e: e["item"]["kind"] == "form_answer")
            assert "question" not in await same(shop, ana)
            await kim.post(ASKED, conv, kind="choices", epoch=epoch)
            await there(ana.expect, "item", lambda e: e["item"]["kind"] == "choices")
            assert "question" in await same(shop, ana)
            await kim.resolve(conv)
            await there(ana.expect, "item", lambda e: e["item"]["kind"] == "resolved")
            here = await same(shop, ana)
            assert "question" not in here and "service" not in here
        await shop.quiet()


async def test_on_a_new_phone_after_a_long_time(shop):
    """What is asked and unread lies below the page that a new phone has; the server knows it all the same."""
    with shop.serve():
        kim = await shop.desk("kim")
        with chat(shop) as ana:
            ana.call("send", text="help")
            conv = (await there(ana.text, "help"))["conversation"]
            await kim.accept(await kim.offered(conv))
        asked = (await kim.post(ASKED, conv, kind="choices", epoch=kim.threads[conv].epoch))["seq"]
        for entry in [kim.say(f"line {n}", conv) for n in range(300)]:
            await entry
        with kept(shop, "new") as ana:
            await there(ana.expect, "synced")
            await there(ana.expect, "recap", lambda e: "body" in e.get("question", {}))
            here = await same(shop, ana)
            assert here["unread"] == 301 and here["question"]["seq"] == asked
            assert here["question"]["body"]["text"] == "Which one?"
            unread = [e for e in ana.events if e["event"] == "unread"][-1]
            assert unread["unread"] == 301
            await kim.say("one more", conv)
            await there(ana.text, "one more")
            assert (await same(shop, ana))["unread"] == 302
        await shop.quiet()


async def test_in_a_queue(shop):
    with shop.serve():
        ben = await shop.customer("ben")
        await ben.post("first")
        with kept(shop, "ana") as ana:
            ana.call("send", text="second")
            await there(ana.expect, "service", lambda e: e.get("service", {}).get("place") == 2)
            stop(ana)
        with kept(shop, "ana") as ana:
            await there(ana.expect, "synced")
            here = await same(shop, ana)
            assert (here["service"]["state"], here["service"]["place"]) == ("queued", 2)
        await shop.quiet()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_more_than_has_a_place_is_said(shop, encoding):
    with shop.serve():
        ann = await shop.customer("ann", encoding=encoding)
        await ann.post("hello")
        for size in (10, 60_000, 20_000):
            await ann.process_start("order", data={"text": "x" * size})
        phone = await shop.customer("ann.phone", connect=False, encoding=encoding)
        assert "recap" not in (await phone.connect())["threads"][0]
        await phone.drop()
        phone.recap = True
        [thread] = (await phone.connect())["threads"]
        assert [len(p["data"]["text"]) for p in thread["recap"]["processes"]] == [20_000] and thread["recap"]["more"]
        await shop.quiet()
    shop.judge()


async def test_unread_is_counted_up_to_its_limit(shop):
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        entries = [kim.say(f"{n}", conv) for n in range(1010)]
        for entry in entries:
            await entry
        phone = await shop.customer("ann.phone", connect=False)
        phone.recap = True
        assert (await phone.connect())["threads"][0]["recap"]["unread"] == 1000
        await shop.quiet()
    shop.judge()
