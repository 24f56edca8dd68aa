"""Any number is a cursor, for ever: a second later, 400 days later, on another device, from another process."""
import pytest

from parley_link import Link
from shop import ECHO

DAY = 86400


async def say(client, number, size=0):
    entries = [client.post(f"{n} " + "x" * size) for n in range(number)]
    last = max([(await entry)["seq"] for entry in entries])
    await client.until(lambda: client.threads[client.main].last >= last, what=f"{last}")


async def test_every_cursor_gives_exactly_what_follows(shop):
    with shop.serve():
        ann = await shop.customer("ann")
        await say(ann, 30)
        whole = ann.items()
        for have in [i["seq"] for i in whole][::7]:
            phone = await shop.customer(f"ann.{have}", connect=False)
            thread = phone._thread(ann.main)
            thread.start(0)
            for item in whole:
                if item["seq"] <= have:
                    thread.add(item)
            known = len(thread.items)
            phone.log = lambda *_, **__: None       # it never saw what it claims to have
            welcome = await phone.connect()
            [answer] = welcome["threads"]
            assert [i["seq"] for i in answer.get("items", ())] == [i["seq"] for i in whole[known:]]
            assert phone.items() == whole and "gap" not in answer
            await phone.close()
            shop.clients.remove(phone)
        await shop.quiet()
    shop.judge()


async def test_a_number_that_will_never_come_is_a_cursor_too(shop):
    most = (1 << 63) - 1
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await say(ann, 3)
        head = ann.threads[ann.main].head
        link = await Link("late", "msgpack").open(server.url)
        [thread] = (await link.request("hello", token=shop.app.token("ann"), have=[{"conversation": ann.main, "seq": most}]))["threads"]
        assert (thread["head"], thread.get("items")) == (head, None) and "gap" not in thread
        for page in ({"after": most}, {"before": 1}):
            answer = (await link.request("range", conversation=ann.main, **page))["thread"]
            assert (answer["head"], answer.get("items")) == (head, None) and "gap" not in answer
        answer = (await link.request("range", conversation=ann.main, before=most))["thread"]
        assert [i["seq"] for i in answer["items"]] == [i["seq"] for i in ann.items()]
        answer = (await link.request("subscribe", conversation=ann.main, have=most))["thread"]
        assert (answer["head"], answer.get("items")) == (head, None)
        await link.request("mark", conversation=ann.main, read=most, delivered=most)
        await ann.until(lambda: any(m["read"] == head for m in ann.threads[ann.main].marks.values()), what="the mark at the head")
        await link.close()
        await shop.quiet()
    shop.judge()


async def test_a_new_device_gets_the_newest_page(shop):
    with shop.serve():
        ann = await shop.customer("ann")
        await say(ann, 80)
        tablet = await shop.customer("ann.tablet", connect=False)
        tablet.page = 10
        [answer] = (await tablet.connect())["threads"]
        assert [i["seq"] for i in answer["items"]] == [i["seq"] for i in ann.items()[-10:]]
        watch = await shop.customer("ann.watch")
        assert len(watch.welcome["threads"][0]["items"]) == 50
        assert await tablet.whole(ann.main) == ann.items()
        older = await watch.range(ann.main, before=watch.items()[0]["seq"], limit=5)
        assert [i["seq"] for i in older["items"]] == [i["seq"] for i in ann.items() if i["seq"] < watch.items()[5]["seq"]][-5:]
        await shop.quiet()
    shop.judge()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_long_absence_brings_a_gap_that_range_fills(shop, encoding):
    with shop.serve():
        ann, tablet = await shop.customer("ann"), await shop.customer("ann.tablet", encoding=encoding)
        await say(ann, 1)
        await tablet.until(lambda: tablet.threads[ann.main].last == ann.threads[ann.main].last)
        await tablet.drop()
        await say(ann, 600)
        [answer] = (await tablet.connect())["threads"]
        assert len(answer["items"]) <= 250 and answer["gap"]["to"] < answer["items"][0]["seq"]
        await tablet.settled()
        assert tablet.items() == ann.items()
        await shop.quiet()
    shop.judge()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_an_answer_is_at_most_256_kib(shop, encoding):
    sizes = []
    with shop.serve():
        ann, tablet = await shop.customer("ann"), await shop.customer("ann.tablet", encoding=encoding)
        await say(ann, 1)
        await tablet.until(lambda: tablet.threads[ann.main].last == ann.threads[ann.main].last)
        await tablet.drop()
        await say(ann, 40, size=15_000)
        raw, tablet._raw = tablet._raw, lambda link, message: (sizes.append(len(message)), raw(link, message))
        [answer] = (await tablet.connect())["threads"]
        assert answer["gap"] and answer["items"][-1]["seq"] == ann.threads[ann.main].last
        await tablet.settled()
        assert tablet.items() == ann.items()
        assert max(sizes) <= 262144 + 4096, max(sizes)
        await shop.quiet()
    shop.judge()


async def test_the_chain_of_prev_leaves_out_what_only_staff_see(shop):
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        for n in range(5):
            await kim.note(f"note {n}", conv)
            await kim.say(f"words {n}", conv)
        await ann.until(lambda: "words 4" in ann.texts())
        await ann.settled()
        prev = [i["prev"] for i in ann.items()]
        assert prev == [0] + [i["seq"] for i in ann.items()][:-1]
        assert prev[-1] < ann.items()[-1]["seq"] - 1
        everything = await kim.whole(conv)
        assert [(i["seq"], i["prev"]) for i in everything] == [(n, n - 1) for n in range(1, len(everything) + 1)]
        await ann.reconnect()
        assert ann.threads[conv].head == ann.items()[-1]["seq"]
        await shop.quiet()
    shop.judge()


async def test_a_whisper_to_another_comes_as_its_bare_number(shop):
    with shop.serve():
        ann, kim, lee = await shop.customer("ann"), await shop.desk("kim"), await shop.desk("lee", status=None)
        conv = await shop.served(ann, kim)
        await lee.subscribe(conv)
        seq = (await kim.note("between us", conv, to=lee.me))["seq"]
        own = (await kim.note("to myself", conv, to=kim.me))["seq"]
        await lee.until(lambda: lee.threads[conv].last >= own)
        assert lee.threads[conv].items[seq]["body"]["text"] == "between us"
        assert set(lee.threads[conv].items[own]) == {"seq", "prev"}
        for reader, sees in ((lee, [True, False]), (kim, [True, True])):
            read = {i["seq"]: i for i in await reader.whole(conv)}
            assert ["body" in read[n] for n in (seq, own)] == sees, reader.name
        await shop.quiet()
    shop.judge()


async def test_a_restarted_server_knows_everything(shop):
    with shop.serve() as server:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        await say(ann, 10)
        server.kill()
        await ann.closed()
        await kim.closed()
        server.start()
        await ann.connect()
        await kim.connect()
        await kim.say("I am still yours", conv)
        await ann.until(lambda: "I am still yours" in ann.texts())
        await shop.quiet()
    shop.judge()


async def test_what_another_process_stored_is_told_before_what_follows(shop):
    """No link is left with a hole that it was not told of, on whichever worker it is."""
    with shop.serve(workers=4) as first, shop.serve() as second:
        for person in range(12):        # some of them on another worker than their conversation
            phone = await shop.customer(f"ann{person}", server=second)
            await phone.post("from the start")
            tablet = await shop.customer(f"ann{person}.tablet", server=first)
            for n in range(3):
                await phone.post(f"by another process {n}")
            await tablet.post("by this one")
            await phone.until(lambda: "by this one" in phone.texts(), what="the last word")    # each is woken by what comes to it
            await tablet.until(lambda: tablet.texts() == phone.texts(), what="everything")
        await shop.quiet()
    shop.judge()


@pytest.mark.parametrize("days, patience", [(20, 30), (400, 30), (300, 365), (4000, 5000), (4000, 0)])
async def test_back_after_a_long_time_on_another_device(shop, days, patience):
    """In one round trip, at the right place; the flow goes on where it waited, or begins anew where its time is over and the
    session was closed before the customer spoke."""
    shop.site.flow("echo", ECHO)
    shop.app = shop.site.app("echo-app", queue="care", flow="echo")
    with shop.serve(sets={"flows.session_ttl": f"{patience}d"}) as server:
        ann = await shop.customer("ann")
        await ann.post("Hello")
        await ann.until(lambda: "What is it?" in ann.texts())
        await say(ann, 3)
        await ann.until(lambda: ann.texts().count("What is it?") == 4)
        await ann.settled()
        whole = ann.items()
        await ann.drop()
        server.stop()
        shop.site.set_clock(days * DAY)
        server.start()
        tablet = await shop.customer("ann.tablet")
        requests = tablet.link.last
        assert requests == 1 and tablet.items()[:len(whole)] == whole
        await tablet.post("Still here?")
        await tablet.until(lambda: "You said: Still here?" in tablet.texts() or
                           0 < patience < days and tablet.texts().count("Welcome.") == 2, what="the flow to answer")
        at = {i["seq"]: i["at"] for i in tablet.items()}
        assert at[max(at)] - at[1] > (days - 1) * DAY * 1000
        await shop.quiet()
    shop.judge()
