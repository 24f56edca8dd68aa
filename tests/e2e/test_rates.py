"""What may be asked in a second is a person's: more connections, new ones and HTTP bring nothing more."""
import asyncio
import time

import pytest

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


async def test_what_comes_late_behind_a_refused_post_comes_no_earlier(shop):
    """It may have been on its way for seconds: as long as the refused one has not come again, none is stored."""
    with shop.serve(sets={"server.rate_factor": "1"}):
        ann = await shop.customer("ann")
        link = await welcomed(shop, "ann")
        assert await post_many(link, ann.main, BURST) == BURST
        refused = {"conversation": ann.main, "id": uuid7(), "kind": "text", "body": {"text": "first"}}
        with pytest.raises(Refused, match="rate_limited") as first:
            while True:     # whatever was given back meanwhile is taken
                refused["id"] = uuid7()
                await link.request("post", **refused)
        behind = []
        end = time.monotonic() + first.value.retry_after_ms / 1000 + 4
        while time.monotonic() < end:
            late = {**refused, "id": uuid7(), "body": {"text": f"late {len(behind)}"}}
            with pytest.raises(Refused, match="rate_limited.*an earlier post"):
                await link.request("post", **late)
            behind.append(late)
        at = [(await link.request("post", **post))["seq"] for post in (refused, behind[0])]
        assert at == sorted(at)
        await link.close()
        await shop.close()


async def test_a_refused_post_may_be_given_up(shop):
    with shop.serve(sets={"server.rate_factor": "1"}):
        ann = await shop.customer("ann")
        link = await welcomed(shop, "ann")
        posts = [{"conversation": ann.main, "id": uuid7(), "kind": "text", "body": {"text": f"{i}"}} for i in range(BURST + 3)]
        frames, answers = zip(*(link.frame("post", post) for post in posts))
        await link.send(list(frames))
        results = await asyncio.gather(*answers, return_exceptions=True)
        first, *behind = [post for post, result in zip(posts, results) if isinstance(result, Refused)]
        assert len(behind) > 1
        with pytest.raises(Refused, match="an earlier post"):
            await link.request("post", **behind[1])
        for post in behind:
            while True:
                try:
                    await link.request("post", **post)
                    break
                except Refused as again:
                    assert again.code == "rate_limited" and "an earlier post" not in str(again)    # the hold is over
                    await asyncio.sleep(again.retry_after_ms / 1000)
        await link.close()
        await shop.close()


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
