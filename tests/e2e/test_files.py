"""Files: addresses that work once, and nothing kept of what was never finished."""
import asyncio
import hashlib
from urllib.parse import urlsplit

from waiting import until

import pytest

from parley_link import Refused
from parley_wire import uuid7

HELLO = b"hello, file"
CALL = {"direction": "in", "start": 1700000000000, "seconds": 9, "outcome": "answered"}


async def upload(client):
    return await client.request("upload", conversation=client.main, name="a.txt", type="text/plain", bytes=len(HELLO),
                                sha256=hashlib.sha256(HELLO).hexdigest())


async def over_http(server, method, url, body=None):
    return await asyncio.to_thread(server.http, method, urlsplit(url).path, body)


async def becomes(shop, sql, number, *args):
    await until(lambda: shop.site.sql(sql, *args) == [(number,)], f"{number} of {sql}")


async def test_a_file_comes_and_goes_by_addresses_that_work_once(shop):
    with shop.serve() as server:
        ann = await shop.customer("ann")
        slot = await upload(ann)
        assert (await over_http(server, "PUT", slot["url"], HELLO))[0] < 300
        assert (await over_http(server, "PUT", slot["url"], HELLO))[0] == 404
        got = await ann.request("download", conversation=ann.main, blob=slot["blob"])
        assert await over_http(server, "GET", got["url"]) == (200, HELLO.decode())
        assert (await over_http(server, "GET", got["url"]))[0] == 404
        await shop.quiet()
    shop.judge()


async def refused(client, body, kind="media", **more):
    with pytest.raises(Refused) as refusal:
        await client.request("post", conversation=client.main, id=uuid7(), kind=kind, body=body, **more)
    return refusal.value.code, refusal.value.path


async def test_an_item_says_the_truth_of_its_file(shop):
    with shop.serve() as server:
        ann, bob = await shop.customer("ann", encoding="msgpack"), await shop.customer("bob")
        slot, waiting = await upload(ann), await upload(ann)
        assert (await over_http(server, "PUT", slot["url"], HELLO))[0] < 300
        body = {"blob": slot["blob"], "name": "a.txt", "type": "text/plain", "bytes": len(HELLO),
                "sha256": hashlib.sha256(HELLO).hexdigest()}
        for wrong in (uuid7(), waiting["blob"]):
            assert await refused(ann, {**body, "blob": wrong}) == ("not_found", "data.body.blob")
        assert await refused(bob, body) == ("not_found", "data.body.blob")
        for field, lie in (("type", "image/png"), ("bytes", 7), ("sha256", "0" * 64)):
            assert await refused(ann, {**body, field: lie}) == ("invalid", f"data.body.{field}")
        assert ann.kinds() == [], "nothing of it opened a session"
        entries = [ann.post("before"), ann.post(body, kind="media"), ann.post("after")]
        await asyncio.gather(*entries)
        assert [i["kind"] for i in ann.items() if i["role"] == "customer"] == ["text", "media", "text"]
        tablet = await shop.customer("ann.tablet")
        first = await tablet.request("post", conversation=tablet.main, id=entries[1].data["id"], kind="media", body=body)
        assert first["duplicate"] and first["seq"] == (await entries[1])["seq"]
        kim = await shop.desk("kim")
        await kim.accept(await kim.offered(ann.main))
        bobs, epoch = await upload(bob), kim.threads[ann.main].epoch
        assert (await over_http(server, "PUT", bobs["url"], HELLO))[0] < 300
        for kind, field, rest in (("card", "image", {"title": "A card"}), ("call", "recording", CALL)):
            card = {"conversation": ann.main, "id": uuid7(), "kind": kind, "epoch": epoch, "body": {**rest, field: bobs["blob"]}}
            with pytest.raises(Refused, match="not_found") as foreign:
                await kim.request("post", **card)
            assert foreign.value.path == f"data.body.{field}"
            await kim.request("post", **{**card, "body": {**card["body"], field: slot["blob"]}})
        await shop.close()


async def test_uploads_that_came_to_nothing_are_removed(shop):
    with shop.serve() as server:
        ann = await shop.customer("ann")
        done, forgotten = await upload(ann), await upload(ann)
        assert (await over_http(server, "PUT", done["url"], HELLO))[0] < 300
        await ann.drop()        # the server would wait for her to move on
        server.stop()
        shop.site.sql("UPDATE blob SET created_at = created_at - interval '2 h'")
        shop.site.sql("UPDATE blob_url SET expires_at = expires_at - interval '2 h'")
        server.start()
        again = await shop.customer("ann.tablet")
        fresh = await upload(again)
        await becomes(shop, "SELECT count(*) FROM blob_url", 1)
        await becomes(shop, "SELECT count(*) FROM blob WHERE id = %s", 0, forgotten["blob"])
        await becomes(shop, "SELECT count(*) FROM blob WHERE id IN (%s, %s)", 2, done["blob"], fresh["blob"])
        await shop.quiet()
    shop.judge()
