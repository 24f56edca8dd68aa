"""Contexts that come faster than they are stored: the newest wins, and everybody is answered."""
import asyncio


def rows(shop, conv):
    return shop.site.sql("SELECT s.body->>'n' FROM item i JOIN context_snapshot s ON s.conversation = i.conversation"
                         " AND s.hash = decode(i.body->>'snapshot', 'hex') WHERE i.conversation = %s ORDER BY i.seq", conv)


async def test_a_burst_is_stored_and_then_gathered_to_the_newest(shop):
    with shop.serve(workers=2, sets={"server.rate_factor": "1"}):
        ann = await shop.customer("ann")
        answers = await asyncio.gather(*(ann.context({"n": n}) for n in range(30)))
        assert len(answers) == 30 and all(a["changed"] for a in answers)
        stored = [int(n) for (n,) in rows(shop, ann.main)]
        assert stored[:10] == list(range(10)) and stored[-1] == 29 and 11 <= len(stored) <= 14
        assert stored == sorted(stored)
        assert (await ann.context({"n": 29}))["changed"] is False
        await shop.quiet()
    shop.judge()


async def test_the_same_twice_at_once_is_stored_once(shop):
    with shop.serve(sets={"server.rate_factor": "1"}):
        ann = await shop.customer("ann")
        answers = await asyncio.gather(*(ann.context({"n": 1}) for _ in range(5)))
        assert sum(a["changed"] for a in answers) == 1 and len(rows(shop, ann.main)) == 1
        await shop.quiet()
    shop.judge()


async def test_what_waits_is_dropped_with_its_link(shop):
    with shop.serve(sets={"server.rate_factor": "1"}):
        ann = await shop.customer("ann")
        waiting = [asyncio.ensure_future(ann.context({"n": n})) for n in range(30)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await ann.request("conversations")      # the server has read what came before
        await ann.drop()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(answers[-1], Exception)
        await ann.connect()
        await ann.post("hello")
        assert (await ann.request("context.get", conversation=ann.main))["context"]["n"] < 29
        await shop.quiet()
    shop.judge()
