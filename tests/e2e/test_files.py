"""Files: addresses that work once, and nothing kept of what was never finished."""
import asyncio
import hashlib
from urllib.parse import urlsplit

HELLO = b"hello, file"


async def upload(client):
    return await client.request("upload", conversation=client.main, name="a.txt", type="text/plain", bytes=len(HELLO),
                                sha256=hashlib.sha256(HELLO).hexdigest())


async def over_http(server, method, url, body=None):
    return await asyncio.to_thread(server.http, method, urlsplit(url).path, body)


async def becomes(shop, sql, number, *args):
    async with asyncio.timeout(30):
        while await asyncio.to_thread(shop.site.sql, sql, *args) != [(number,)]:
            pass


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


async def test_uploads_that_came_to_nothing_are_removed(shop):
    with shop.serve() as server:
        ann = await shop.customer("ann")
        done, forgotten = await upload(ann), await upload(ann)
        assert (await over_http(server, "PUT", done["url"], HELLO))[0] < 300
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
