"""What happens in one process and is to be known in another: the database tells."""
import asyncio
import json
import os

import psycopg2
import pytest

from parley_link import Link, Refused
from parley_people import Customer
from parley_wire import uuid7
from waiting import until


def lost(customer):
    return [i for i in customer.items() if i["kind"] == "queued" and i["body"]["why"] == "agent_lost"]


def speaker(shop):
    """The company's own program: say(server, conversation, text), answered with the number."""
    key = shop.site.program_key("shop")

    def say(server, conv, text):
        body = {"id": uuid7(), "kind": "text", "body": {"text": text}}
        status, answer = server.http("POST", f"/v1/conversations/{conv}/items", body, token=key)
        assert status == 200, answer
        return json.loads(answer)["seq"]

    return lambda *what: asyncio.to_thread(say, *what)


async def waiting_posts(server, number):
    await until(lambda: server.metrics()["parley_posts_waiting"] >= number, f"{number} that are not decided")


@pytest.mark.parametrize("first", ["here", "there"])
async def test_an_agent_whose_link_here_ends_is_not_lost_while_they_are_there(shop, first):
    """Lee goes after kim: once lee's session waits again, kim's grace is over too."""
    with shop.serve(sets={"routing.grace": "5s"}), shop.serve(sets={"routing.grace": "5s"}) as there:
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        kim = await shop.desk("kim")
        conv = await shop.served(ann, kim)
        await kim.status("busy")
        lee = await shop.desk("lee")
        await shop.served(bob, lee)
        kim_there = await shop.desk("kim.there", status=None, url=there.url)
        if first == "there":        # the last link to come was here: this process counts kim as its own
            await kim.drop()
            await kim.connect()
        await kim.drop()
        await lee.drop()
        await bob.until(lambda: lost(bob), what="lee's session to wait again")
        await kim_there.subscribe(conv)
        await kim_there.say("still here", conv)
        await ann.until(lambda: "still here" in ann.texts())
        await shop.quiet()
        assert not lost(ann)
    shop.judge()


async def test_what_an_agent_has_is_read_where_they_come(shop):
    with shop.serve():
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        kim = await shop.desk("kim", capacity=1)
        conv = await shop.served(ann, kim)
        with shop.serve() as there:         # has read that kim has no room
            await kim.resolve(conv)
            await kim.drop()
            await ann.until(lambda: ann.kinds()[-1] == "resolved")
            kim_there = await shop.desk("kim.there", url=there.url)
            assert kim_there.desk["load"] == 0
            await shop.served(bob, kim_there)
            await shop.quiet()
    shop.judge()


async def test_a_reader_is_told_of_what_another_process_wrote_before_it_sees_more(shop, size):
    """Whoever follows on another worker than the conversation's home: nobody there knows what they have been sent."""
    say = speaker(shop)
    with shop.serve(workers=2) as here, shop.serve() as there:
        people = [await shop.customer(f"person{n}") for n in range(size(6, 60))]
        for ann in people:
            await say(there, ann.main, "elsewhere")
            last = await say(here, ann.main, "here")
            await ann.until(lambda: ann.threads[ann.main].last >= last, what="both")
        for ann in people:
            assert ann.texts() == ["elsewhere", "here"]
            heads = [n for n, (type, _) in enumerate(ann.pushes) if type == "head"]
            items = [(n, data["item"]) for n, (type, data) in enumerate(ann.pushes) if type == "item"]
            n, first = items[0]
            assert first["prev"] == 0 or any(head < n for head in heads), "an item came that does not follow the last"
        await shop.close()


async def test_nobody_is_refused_for_how_a_session_stood_before(shop):
    """The other process remembers the conversation from then, and nobody there follows it."""
    say = speaker(shop)
    with shop.serve(), shop.serve() as there:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        await ann.post("hello")
        offer = await kim.offered(ann.main)
        await say(there, ann.main, "while it is offered")
        await kim.accept(offer)
        kim_there = await shop.desk("kim.there", status=None, url=there.url)
        epoch = kim.threads[ann.main].epoch
        await kim_there.request("post", conversation=ann.main, id=uuid7(), kind="text", body={"text": "hello Ann"}, epoch=epoch)
        await kim.resolve(ann.main)
        ann_there = await shop.customer("ann.there", url=there.url, connect=False)
        link = await Link("ann.there", "json").open(there.url)
        await link.request("hello", token=ann_there.token)
        answer = await link.request("handoff.request", conversation=ann.main)
        assert answer["service"]["state"] in ("queued", "offered")
        await link.close()
        await shop.close()


async def test_whose_a_conversation_is_is_looked_up_for_those_behind_others_too(shop, postgres):
    """Two words wait for one batch: the first would be stored, and the other is a new owner's."""
    say = speaker(shop)
    with shop.serve(), shop.serve() as there:
        bob = await shop.customer("bob", url=there.url)
        await bob.post("hello")
        device = uuid7()
        token = await asyncio.to_thread(shop.server.guest, shop.app, device)
        anna = await shop._keep(Customer("anna", shop.server.url, token, device=device, record=shop.site.record), True)
        await anna.post("as a guest")
        before = anna.main
        await say(there, before, "remembered there")
        ann = await Link("ann", "json").open(there.url)
        await ann.request("hello", token=shop.app.token("ann"))
        await anna.request("auth", token=shop.app.token("ann"))
        blocker = psycopg2.connect(postgres.dsn(shop.site.name))
        with blocker.cursor() as cursor:
            cursor.execute("INSERT INTO item SELECT conversation, gen_random_uuid(), author, seq + 1, seq, at, 1, role, 0, body"
                           " FROM item WHERE conversation = %s ORDER BY seq DESC LIMIT 1", [bob.main])
        waits = [asyncio.ensure_future(bob.request("post", conversation=bob.main, id=uuid7(), kind="text", body={"text": "held up"}))]
        await waiting_posts(there, 1)
        waits.append(asyncio.ensure_future(say(there, before, "first")))
        await waiting_posts(there, 2)
        waits.append(asyncio.ensure_future(
            ann.request("post", conversation=before, id=uuid7(), kind="text", body={"text": "as Ann"})))
        await waiting_posts(there, 3)
        blocker.rollback()
        blocker.close()
        await asyncio.gather(*waits)
        await ann.close()
        await shop.close()


async def test_whoever_is_second_each_time_is_told_so(shop):
    """What collides is decided anew a few times at most; how often others were second before does not count."""
    with shop.serve(), shop.serve() as there:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        lee = await shop.desk("lee.there", status=None, url=there.url)
        for n in range(12):
            await ann.post(f"round {n}")
            offer = await kim.offered(ann.main)
            with pytest.raises(Refused, match="stale|not_found"):
                await lee.request("offer.accept", offer=uuid7(), conversation=ann.main)     # there it is read now
            await kim.accept(offer)
            with pytest.raises(Refused, match="taken"):
                await lee.request("offer.accept", offer=offer["offer"], conversation=ann.main)
            await kim.resolve(ann.main)
        await shop.quiet()
    shop.judge()


async def test_an_offer_of_a_process_whose_clock_is_behind_lasts_as_long_as_any(shop):
    """The one ahead has looked at ann's, who waits longest, once it offers bob's."""
    ahead = os.path.join(shop.site.folder, "clock.ahead")
    with open(ahead, "w", encoding="ascii") as file:
        file.write("600\n")
    with shop.serve(), shop.serve(env={"PARLEY_CLOCK": ahead}) as there:
        ann, bob, kim = await shop.customer("ann"), await shop.customer("bob"), await shop.desk("kim", capacity=1)
        await ann.post("hello")
        offer = await kim.offered(ann.main)
        await bob.post("hello")
        lee = await shop.desk("lee.there", url=there.url)
        await lee.accept(await lee.offered(bob.main))
        await kim.accept(offer)
        await lee.resolve(bob.main)
        await kim.resolve(ann.main)
        await shop.quiet()
    assert shop.site.sql("SELECT body FROM item WHERE body->>'result' = 'expired'") == []
    shop.judge()


async def test_an_offer_outlives_neither_its_process_nor_the_agent_who_went_with_it(shop):
    """Nobody holds it out any more, and as it was made it would have ten minutes."""
    with shop.serve(sets={"routing.offer_time": "10m", "routing.grace": "10m"}) as server:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        await ann.post("hello")
        offer = await kim.offered(ann.main)
        server.kill()
        await kim.closed()
        server.start()
        lee = await shop.desk("lee")
        assert (await lee.offered(ann.main))["offer"] != offer["offer"]


async def test_whom_a_process_with_another_clock_has_lost_is_given_up_after_the_grace(shop):
    """It goes of its own will and writes who was there; nobody else would see its moment come for ten minutes."""
    ahead = os.path.join(shop.site.folder, "clock.ahead")
    with open(ahead, "w", encoding="ascii") as file:
        file.write("600\n")
    with shop.serve(sets={"routing.grace": "1s"}):
        ann = await shop.customer("ann")
        with shop.serve(sets={"routing.grace": "1s", "server.drain_time": "200ms"}, env={"PARLEY_CLOCK": ahead}) as there:
            kim = await shop.desk("kim", url=there.url)
            await shop.served(ann, kim)
        await ann.until(lambda: lost(ann), 60, "the session to wait again")
        await shop.quiet()
    shop.judge()
