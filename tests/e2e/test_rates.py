"""What may be asked in a second is a person's: more connections, new ones and HTTP bring nothing more."""
import asyncio
import time

from parley_link import Link, Refused
from parley_wire import uuid7

BURST, PER_SECOND = 40, 5       # posts of a customer (server/hub/link.c)


async def post_many(link, conv, n):
    """How many of n posts, sent in one message, are taken."""
    frames, answers = zip(*(link.frame("post", {"conversation": conv, "id": uuid7(), "kind": "text", "body": {"text": f"{i}"}})
                            for i in range(n)))
    await link.send(list(frames))
    results = await asyncio.gather(*answers, return_exceptions=True)
    assert all(not isinstance(r, BaseException) or isinstance(r, Refused) and r.code == "rate_limited" for r in results), results
    return sum(not isinstance(r, BaseException) for r in results)


async def welcomed(shop, name, encoding="json"):
    link = await Link(name, encoding).open(shop.server.url)
    await link.request("hello", token=shop.app.token(name), device=uuid7())
    return link


async def test_many_connections_are_one_person(shop):
    with shop.serve(sets={"server.rate_factor": "1"}) as server:
        ann = await shop.customer("ann")
        begun = time.monotonic()

        def at_most():
            return BURST + PER_SECOND * (time.monotonic() - begun) + 1
        links = [await welcomed(shop, "ann", encoding) for encoding in ("json", "msgpack") * 2]
        taken = sum(await asyncio.gather(*(post_many(link, ann.main, BURST) for link in links)))
        assert BURST <= taken <= at_most()
        for link in links:
            await link.close()
        fresh = await welcomed(shop, "ann")
        taken += await post_many(fresh, ann.main, BURST)
        assert taken <= at_most()
        path = f"/v1/conversations/{ann.main}/items"
        for _ in range(60):
            status, text = server.http("POST", path, {"id": uuid7(), "kind": "text", "body": {"text": "x"}}, ann.token)
            assert status == 200 or status == 429 and "retry_after_ms" in text, text
            taken += status == 200
        assert taken <= at_most()
        bob = await welcomed(shop, "bob")
        conv = (await bob.request("conversations"))["threads"][0]["conversation"]
        assert await post_many(bob, conv, BURST) == BURST       # others have all of theirs
        for link in (fresh, bob):
            await link.close()
        await shop.close()
