"""A guest who turns out to be a known customer: nothing said is lost, nobody else gets in."""
import asyncio

import psycopg2
import pytest

from parley_link import Gone, Link, Refused
from parley_people import Customer
from parley_wire import uuid7
from waiting import until


async def guest(shop, name, token=None, device=None, server=None):
    server = server or shop.server
    device = device or uuid7()
    if token is None:
        token = await asyncio.get_running_loop().run_in_executor(None, server.guest, shop.app, device)
    return await shop._keep(Customer(name, server.url, token, device=device, record=shop.site.record), True)


def linked(client, conv):
    return [i["body"] for i in client.items(conv) if i["kind"] == "linked"]


async def test_both_conversations_are_the_customers(shop):
    with shop.serve(workers=2):
        kim = await shop.desk("kim")
        known = await shop.customer("ann")
        await known.post("said as Ann")
        home = known.main
        anna = await guest(shop, "anna")
        before, who = anna.main, anna.me
        await anna.post("said as a guest")
        await kim.accept(await kim.offered(before))
        answer = await anna.request("auth", token=shop.app.token("ann"))
        assert (answer["me"], answer["main"]) == (known.me, home) and answer["expires_at"] > 0
        await anna.until(lambda: linked(anna, before), what="the item in the guest's conversation")
        assert linked(anna, before) == [{"conversation": home, "main": True}]
        await known.until(lambda: linked(known, home) == [{"conversation": before, "main": False}], what="the other item")
        await anna.subscribe(home)
        assert "said as Ann" in anna.texts(home)
        await anna.post("said as Ann, there", conv=home)
        await anna.post("said as Ann, here", conv=before)
        await kim.until(lambda: "said as Ann, here" in kim.texts(before), what="the words")
        assert known.link.open_now
        await known.reconnect()
        topics = {t["conversation"]: t["topic"] for t in known.welcome["threads"]}
        assert topics == {home: "main", before: f"guest/{before}"}
        assert [t for t in known.texts(before) if t.startswith("said")] == ["said as a guest", "said as Ann, here"]
        with pytest.raises(Refused, match="unauthenticated"):
            await guest(shop, "late", anna.token, anna.device)
        assert shop.site.sql("SELECT customer::text FROM conversation WHERE customer = %s", who) == []
        assert shop.site.sql("SELECT DISTINCT customer::text FROM session") == [(known.me,)]
        await shop.close()


async def topic(client, name):
    """A conversation beside `main`, followed."""
    conv = (await client.request("conversation.open", topic=name))["thread"]["conversation"]
    await client.subscribe(conv)
    return conv


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_every_conversation_of_the_guest_names_the_customers(shop, encoding):
    with shop.serve(workers=2):
        known = await shop.customer("ann", encoding=encoding)
        anna = await guest(shop, "anna")
        before, more = anna.main, [await topic(anna, f"order.{n}") for n in range(5)]
        posts = [anna.post(f"about {n}", conv=conv) for n, conv in enumerate(more)]     # in flight meanwhile
        answer = await anna.request("auth", token=shop.app.token("ann"))
        for post in posts:
            await post
        for conv in [before, *more]:
            await anna.until(lambda c=conv: linked(anna, c), what="the item")
            assert linked(anna, conv) == [{"conversation": known.main, "main": True}]
        await known.until(lambda: linked(known, known.main))
        assert linked(known, known.main) == [{"conversation": before, "main": False}]
        await known.reconnect()
        assert {t["conversation"] for t in known.welcome["threads"]} == {known.main, before, *more}
        for n, conv in enumerate(more):
            await known.post("and as Ann", conv=conv)
            await anna.until(lambda c=conv: "and as Ann" in anna.texts(c))
            assert f"about {n}" in anna.texts(conv)
        assert answer["main"] == known.main
        await shop.close()


async def test_asked_again_after_some_were_named_the_rest_are(shop):
    with shop.serve() as server:
        anna, ann = await guest(shop, "anna"), await shop.customer("ann")
        before, home, more = anna.main, ann.main, [await topic(anna, f"t{n}") for n in range(3)]
        for conv in more:
            await anna.post("hello", conv=conv)
        await anna.request("auth", token=shop.app.token("ann"))
        # as if the server had died after the first of them
        shop.site.sql("UPDATE conversation SET customer = %s, topic = 'main' WHERE id = %s", anna.me, before)
        shop.site.sql("UPDATE conversation SET customer = %s, topic = 't' || id WHERE id = ANY (%s::uuid[])", anna.me, more)
        shop.site.sql("DELETE FROM item WHERE conversation = ANY (%s::uuid[]) AND kind = 17", [before, *more[1:]])
        shop.site.sql("UPDATE device SET customer = %s, guest_digest = sha256(%s) WHERE id = %s",
                      anna.me, anna.token.encode(), anna.device)
        server.kill()
        server.start()
        late = await guest(shop, "late", anna.token, anna.device)
        await late.request("auth", token=shop.app.token("ann"))
        counts = shop.site.sql("SELECT conversation::text, count(*) FROM item WHERE kind = 17 GROUP BY 1")
        assert dict(counts) == {conv: 1 for conv in (home, before, *more)}
        assert shop.site.sql("SELECT count(*) FROM conversation WHERE customer = %s", ann.me) == [(5,)]
        await shop.close()


async def test_the_first_time_as_a_customer_too(shop):
    with shop.serve():
        anna = await guest(shop, "anna")
        await anna.post("hello")
        answer = await anna.request("auth", token=shop.app.token("ann"))
        ann = await shop.customer("ann")
        assert (ann.me, ann.main) == (answer["me"], answer["main"]) and linked(ann, ann.main)
        again = await anna.request("auth", token=shop.app.token("ann"))
        assert "me" not in again and again["expires_at"] > 0
        await shop.close()


async def test_nobody_becomes_somebody_else(shop):
    elsewhere = shop.site.app("elsewhere", queue="care")
    with shop.serve():
        anna, ann = await guest(shop, "anna"), await shop.customer("ann")
        second = await guest(shop, "second", await asyncio.get_running_loop().run_in_executor(None, shop.server.guest, shop.app, anna.device),
                             anna.device)
        for client, token in ((anna, elsewhere.token("ann")), (ann, shop.app.token("bob")), (anna, second.token)):
            with pytest.raises(Refused, match="denied"):
                await client.request("auth", token=token)
        for client, token in ((anna, "nonsense"), (ann, anna.token)):
            with pytest.raises(Refused, match="token|unauthenticated"):
                await client.request("auth", token=token)
        await anna.post("still a guest")
        assert anna.kinds().count("linked") == 0
        await anna.request("auth", token=shop.app.token("ann"))
        with pytest.raises(Refused, match="denied"):
            await anna.request("auth", token=shop.app.token("bob"))
        await shop.close()


async def test_asked_again_after_a_crash_between_the_two(shop):
    with shop.serve() as server:
        anna, ann = await guest(shop, "anna"), await shop.customer("ann")
        before, home = anna.main, ann.main
        await anna.post("hello")
        answers = await asyncio.gather(*(c.request("auth", token=shop.app.token("ann")) for c in (anna,)))
        assert answers[0]["main"] == home
        # as if the second transition had not happened
        shop.site.sql("UPDATE conversation SET customer = %s, topic = 'main' WHERE id = %s", anna.me, before)
        shop.site.sql("DELETE FROM item WHERE conversation = %s AND kind = 17", before)
        shop.site.sql("UPDATE device SET customer = %s, guest_digest = sha256(%s) WHERE id = %s",
                      anna.me, anna.token.encode(), anna.device)
        server.kill()
        server.start()
        late = await guest(shop, "late", anna.token, anna.device)
        assert late.main == before and not linked(late, before)
        assert (await late.request("auth", token=shop.app.token("ann")))["main"] == home
        await late.until(lambda: linked(late, before))
        await ann.reconnect()
        assert len(linked(ann, home)) == 1 and len(linked(ann, before)) == 1
        await shop.close()


async def test_on_another_server_too(shop):
    with shop.serve(), shop.serve():
        anna = await guest(shop, "anna")
        other = await guest(shop, "anna.other", anna.token, anna.device, server=shop.servers[1])
        ann = await shop.customer("ann", server=shop.servers[1])
        await other.post("hello")
        await anna.until(lambda: "hello" in anna.texts(), what="the other server's item")
        conv = anna.main
        await anna.request("auth", token=shop.app.token("ann"))
        assert await other.closed() == 4506
        await ann.reconnect()
        await ann.post("as Ann", conv=conv)
        await anna.until(lambda: "as Ann" in anna.texts(conv), what="the words from the other server")
        await shop.close()


async def test_a_guest_token_is_good_on_its_device_alone(shop):
    with shop.serve():
        anna = await guest(shop, "anna")
        for device in ({}, {"device": uuid7()}):
            thief = await Link("thief", "json").open(shop.server.url)
            with pytest.raises(Refused, match="unauthenticated"):
                await thief.request("hello", token=anna.token, **device)
            await thief.close()
        await anna.reconnect()
        await anna.post("still here")
        await anna.request("auth", token=anna.token)
        await shop.close()


async def test_whoever_knows_a_device_takes_nothing_from_it(shop):
    """Another guest and a customer name it; the guest's token is good as before, also once they have signed in there."""
    with shop.serve():
        anna = await guest(shop, "anna")
        await anna.post("mine")
        other = await guest(shop, "other", device=anna.device)
        bob = await shop.customer("bob", device=anna.device)
        assert len({anna.me, other.me, bob.me}) == 3
        await anna.reconnect()
        assert anna.texts() == ["mine"] and not other.texts() and not bob.texts()
        with pytest.raises(Gone, match="4503"):     # is bob now, and bob's own connection is the device's later one
            await other.request("auth", token=shop.app.token("bob"))
        await bob.reconnect()
        assert other.main in {t["conversation"] for t in bob.welcome["threads"]}
        await anna.reconnect()
        assert shop.site.sql("SELECT customer::text FROM device WHERE id = %s AND guest_digest IS NOT NULL",
                             anna.device) == [(anna.me,)]
        await shop.close()


def waiting_for_locks(shop, number):
    [(n,)] = shop.site.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    return n >= number


async def test_what_a_guest_opens_in_the_very_moment_goes_along(shop, postgres):
    """Another process is in the middle of making a conversation while the guest becomes known."""
    patient = {"sets": {"database.lock_timeout": "60s"}}
    with shop.serve(**patient), shop.serve(**patient):
        anna, ann = await guest(shop, "anna"), await shop.customer("ann")
        other = await guest(shop, "anna.other", anna.token, anna.device, server=shop.servers[1])
        blocker = psycopg2.connect(postgres.dsn(shop.site.name))
        with blocker.cursor() as cursor:
            cursor.execute("INSERT INTO conversation SELECT gen_random_uuid(), customer, app, 'order.1' FROM conversation WHERE id = %s",
                           [anna.main])
        opening = asyncio.ensure_future(other.request("conversation.open", topic="order.1"))
        await until(lambda: waiting_for_locks(shop, 1), "the conversation to be on its way")
        auth = asyncio.ensure_future(anna.request("auth", token=shop.app.token("ann")))
        await until(lambda: auth.done() or waiting_for_locks(shop, 2), "the guest to become known")
        blocker.rollback()
        blocker.close()
        assert (await auth)["main"] == ann.main
        opened = (await opening)["thread"]["conversation"]
        assert shop.site.sql("SELECT DISTINCT customer::text FROM conversation WHERE id = %s", opened) == [(ann.me,)]
        assert shop.site.sql("SELECT count(*) FROM item WHERE kind = 17 AND conversation = %s", opened) == [(1,)]
        await shop.close()
