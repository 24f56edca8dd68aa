"""The database takes it and nobody hears, or takes nothing at all: whoever asked is told what is so, in time."""
import asyncio
import contextlib

import pytest

from chaos import Chaos
from parley_link import Refused
from parley_wire import uuid7

CHANGES = "update session set"


@contextlib.contextmanager
def served_through(shop, postgres, tmp_path, **options):
    """A server whose database is behind a proxy."""
    with Chaos(f"unix:{tmp_path}/.s.PGSQL.5432", f"unix:{postgres.socket}", watch="pg") as database, \
            shop.serve(database=f"host={tmp_path} dbname={shop.site.name} user=parley", **options):
        yield database


async def fired(database, number):
    stats = await asyncio.get_running_loop().run_in_executor(None, database.stats)
    assert stats["fired"] == number, "not exercised"


async def test_the_answer_tells_how_the_session_stands_though_the_commit_was_not_heard_of(shop, postgres, tmp_path):
    shop.site.queue("claims")
    with served_through(shop, postgres, tmp_path) as database:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        database.arm("eat_commit", match=CHANGES)
        answer = await kim.transfer(conv, "claims")
        await fired(database, 1)
        [(epoch,)] = shop.site.sql("SELECT epoch FROM session")
        assert (answer["service"]["state"], answer["service"]["epoch"]) == ("queued", epoch)
        await shop.quiet()
    shop.judge()


async def test_an_offer_is_held_out_though_its_commit_was_not_heard_of(shop, postgres, tmp_path):
    with served_through(shop, postgres, tmp_path, sets={"routing.offer_time": "1h"}) as database:
        ann, bob, kim = await shop.customer("ann"), await shop.customer("bob"), await shop.desk("kim")
        await shop.served(bob, kim)
        await ann.post("the way in is known")
        await kim.resolve((await kim.accept(await kim.offered(ann.main)))["thread"]["conversation"])
        database.arm("eat_commit", match=CHANGES)
        await ann.post("hello again")
        await kim.accept(await kim.offered(ann.main))
        await fired(database, 1)
        await shop.quiet()
    shop.judge()


def stale_id():
    """An id that the server cannot know to be new: its time is long past."""
    return "0190" + uuid7()[4:]


async def test_a_post_does_not_wait_for_ever_for_the_connection_that_settles(shop, postgres, tmp_path):
    with served_through(shop, postgres, tmp_path) as database:
        ann, id = await shop.customer("ann"), stale_id()
        await ann.post("hello")
        database.refuse()
        shop.site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%%/settle'"
                      " AND datname = current_database()")
        with pytest.raises(Refused, match="unavailable|uncertain") as refused:
            await ann.request("post", conversation=ann.main, id=id, kind="text", body={"text": "again"})
        assert refused.value.again
        await ann.post("what is new goes on")
        database.refuse(False)
        await ann.until(lambda: "again" in ann.texts() or ann.post("again", id=id), what="the repeat to be sent")
        await shop.quiet()
    shop.judge()


async def test_a_database_that_takes_nothing_is_not_asked_without_pause(shop, postgres, tmp_path):
    """The disk is full: each statement is refused, the connection lives on."""
    with shop.serve():
        ann = await shop.customer("ann")
        await ann.post("hello")
        for statement in ("CREATE SEQUENCE attempts", "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                          " PERFORM nextval('attempts'); RAISE EXCEPTION USING errcode = '53100'; END $$",
                          "CREATE TRIGGER full_disk BEFORE INSERT ON item EXECUTE FUNCTION full_disk()"):
            shop.site.sql(statement)
        with pytest.raises(Refused, match="unavailable"):
            await ann.request("post", conversation=ann.main, id=uuid7(), kind="text", body={"text": "no room"})
        [(attempts,)] = shop.site.sql("SELECT last_value FROM attempts")
        assert attempts < 100
        shop.site.sql("DROP TRIGGER full_disk ON item")
        await ann.post("there is room again")
        await shop.quiet()
    shop.judge()


async def test_an_accept_that_could_not_be_answered_follows_nothing(shop):
    """The session is theirs, its thread was read, and what else belongs to the answer was not."""
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        await ann.post("hello")
        offer = await kim.offered(ann.main)
        shop.site.sql("ALTER TABLE process RENAME TO away")
        with pytest.raises(Refused):
            await kim.accept(offer)
        await ann.post("are you there?")
        assert not [data for type, data in kim.pushes if type == "item"]
        shop.site.sql("ALTER TABLE away RENAME TO process")
        await kim.subscribe(ann.main)
        await kim.say("I am", ann.main)
        await ann.until(lambda: "I am" in ann.texts())
        await shop.quiet()
    shop.judge()


async def test_a_transition_is_not_refused_for_what_it_did_itself(shop, postgres, tmp_path):
    """Whoever could say what became of it is away too: it is asked for when they are back, before anything is decided."""
    with served_through(shop, postgres, tmp_path) as database:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        database.refuse()
        shop.site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%%/settle'"
                      " AND datname = current_database()")
        database.arm("eat_commit", match=CHANGES)
        resolved = asyncio.ensure_future(kim.resolve(conv))
        await asyncio.get_running_loop().run_in_executor(None, database.wait, "fired", 1)
        database.refuse(False)
        await resolved
        await ann.until(lambda: ann.kinds()[-1] == "resolved")
        await shop.quiet()
    shop.judge()
