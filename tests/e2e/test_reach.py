"""What nobody reaches: the conversations of others, by whatever way leads past the front door."""
import asyncio

import pytest

from chaos import Chaos
from parley_link import Link, Refused
from parley_wire import uuid7


async def linked(shop, name, pushes, server=None):
    """A bare link of a customer that was welcomed; what is pushed to it gathers in `pushes`."""
    link = await Link(name, "json", on_push=lambda _, type, data: pushes.append((type, data))).open((server or shop.server).url)
    await link.request("hello", token=shop.app.token(name))
    return link


@pytest.fixture
def claims(shop):
    """A second queue, with an agent of its own."""
    shop.site.queue("claims")
    shop.staff("lee", queues=["claims"])


async def two_desks(shop):
    """A customer, kim who serves her, lee of the other queue, and the conversation."""
    ann, kim, lee = await shop.customer("ann"), await shop.desk("kim"), await shop.desk("lee")
    return ann, kim, lee, await shop.served(ann, kim)


async def refused(future):
    with pytest.raises(Refused) as error:
        await asyncio.wait_for(future, 20)
    return error.value.code


async def test_asking_to_follow_a_conversation_is_not_following_it(shop):
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        await ann.context({"screen": "cart"})
        bob = await linked(shop, "bob", [])
        foreign = [("subscribe", {}), ("typing", {"on": True}), ("mark", {"read": 1}), ("context.put", {"context": {"screen": "cart"}})]
        frames, answers = zip(*(bob.frame(verb, {"conversation": conv, **data}) for verb, data in foreign))
        await bob.send(list(frames))        # in one message: the subscription is still being judged
        assert [await refused(answer) for answer in answers] == ["not_found"] * 4
        await bob.close()
        await shop.quiet()
    assert shop.site.sql("SELECT count(*) FROM mark WHERE conversation = %s AND participant NOT IN (SELECT id FROM agent)"
                         " AND participant NOT IN (SELECT customer FROM conversation WHERE id = %s)", conv, conv) == [(0,)]
    shop.judge()


async def test_nothing_is_heard_before_it_is_known_who_may_hear(shop, postgres, tmp_path):
    """While the database thinks about whether bob may follow ann's conversation, ann types."""
    with Chaos(f"unix:{tmp_path}/.s.PGSQL.5432", f"unix:{postgres.socket}", watch="pg") as database, \
            shop.serve(database=f"host={tmp_path} dbname={shop.site.name} user=parley"):
        pushes = []
        ann, bob = await shop.customer("ann"), await linked(shop, "bob", pushes)
        database.set("up", stall=True)
        asked = asyncio.ensure_future(bob.request("subscribe", conversation=ann.main))
        await (await bob.socket.ping())     # the server has seen the question
        await ann.request("typing", conversation=ann.main, on=True)
        database.clear()
        assert await refused(asked) == "not_found"
        assert pushes == []
        await bob.close()
        await shop.quiet()
    shop.judge()


async def test_a_reader_who_claims_more_than_there_is_still_hears(shop):
    with shop.serve():
        pushes = []
        ann = await shop.customer("ann")
        await ann.post("one")
        tablet = await Link("tablet", "json", on_push=lambda _, type, data: pushes.append(type)).open(shop.server.url)
        await tablet.request("hello", token=shop.app.token("ann"), have=[{"conversation": ann.main, "seq": 10 ** 12}])
        await ann.post("two")
        await tablet.request("range", conversation=ann.main)    # answered behind whatever was pushed
        assert "item" in pushes
        await tablet.close()
        await shop.quiet()
    shop.judge()


async def test_an_agent_reaches_only_what_they_serve(shop, claims):
    with shop.serve():
        ann, kim, lee, conv = await two_desks(shop)
        for verb, data in (("note", {"id": uuid7(), "text": "I was here"}), ("range", {}), ("subscribe", {}), ("upload", {
                "name": "a", "type": "text/plain", "bytes": 1, "sha256": "0" * 64}), ("process.get", {}), ("context.get", {})):
            assert await refused(lee.request(verb, conversation=conv, **data)) == "not_found", verb
        await kim.resolve(conv)
        await ann.until(lambda: ann.kinds()[-1] == "resolved")
        assert await refused(lee.request("reopen", conversation=conv)) == "not_found"
        await kim.note("done", conv)
        await kim.request("reopen", conversation=conv)
        await shop.quiet()
    assert shop.site.sql("SELECT count(*) FROM item WHERE author = (SELECT id FROM agent WHERE email LIKE 'lee@%%')") == [(0,)]
    shop.judge()


async def test_a_program_reaches_only_customers_of_its_space(shop):
    shop.site.app("elsewhere", queue="care", flags=["--space", "elsewhere"])
    near, far = shop.site.program_key("shop"), shop.site.program_key("elsewhere")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        path = f"/v1/conversations/{ann.main}/items"
        for key, expected in ((far, 404), (near, 200)):
            assert server.http("GET", path, token=key)[0] == expected
            body = {"id": uuid7(), "kind": "text", "body": {"text": "a word"}}
            assert server.http("POST", path, body, token=key)[0] == expected
            event = {"conversation": ann.main, "id": uuid7(), "type": "parcel.sent"}
            assert server.http("POST", "/v1/events", event, token=key)[0] == expected
        await shop.close()


@pytest.mark.parametrize("workers", [1, 2])
async def test_who_gave_a_customer_away_hears_no_more(shop, claims, workers):
    with shop.serve(workers=workers):
        ann, kim, lee, conv = await two_desks(shop)
        await kim.transfer(conv, "claims")
        await lee.accept(await lee.offered(conv))
        await lee.note("not for kim", conv)
        await ann.post("nor is this")
        await ann.request("typing", conversation=conv, on=True)
        for verb, data in (("range", {}), ("typing", {"on": True})):     # answered behind whatever was pushed
            assert await refused(kim.request(verb, conversation=conv, **data)) == "not_found", verb
        assert "transferred" in kim.kinds(conv)
        assert "not for kim" not in kim.texts(conv) and "nor is this" not in kim.texts(conv)
        await kim.drop()        # nobody waits for what kim does not hear
        await lee.resolve(conv)
        await shop.quiet()
    shop.judge()


async def test_an_offer_that_is_none_tells_nothing(shop, claims):
    """Whoever takes up what they do not serve does not learn whose it is."""
    with shop.serve():
        ann, kim, lee, conv = await two_desks(shop)
        for live in (True, False):
            with pytest.raises(Refused, match="not_found") as told:
                await lee.request("offer.accept", conversation=conv, offer=uuid7())
            assert not told.value.error.get("current")
            if live:
                await kim.resolve(conv)
                await ann.until(lambda: ann.kinds()[-1] == "resolved")
        await shop.quiet()
    shop.judge()
