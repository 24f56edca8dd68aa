"""One device has one connection: the later one, whichever worker it is on and whatever the network did to its hello."""
import pytest

from parley_link import Gone, Link, Refused
from parley_wire import uuid7

LINKS = 32      # of one customer on a worker


class Phone:
    def __init__(self, shop):
        self.shop, self.id, self.token = shop, uuid7(), shop.app.token("ann")

    async def hello(self, attempt=None):
        link = await Link("phone", "msgpack").open(self.shop.server.url)
        await link.request("hello", token=self.token, device=self.id, attempt=attempt)
        return link


async def ended(link):
    await link.reader
    return link.code


async def is_there(link):
    await link.request("conversation.open", topic="still-here")


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_later_connection_replaces_the_earlier(shop, workers):
    with shop.serve(workers=workers):
        for attempts in ([None] * 8, range(1, 9), [None, 5, None, 7]):
            phone = Phone(shop)
            links = [await phone.hello(attempt) for attempt in attempts]
            assert [await ended(link) for link in links[:-1]] == [4503] * (len(links) - 1)
            await is_there(links[-1])
            await links[-1].close()


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_hello_that_comes_late_replaces_nothing(shop, workers):
    """As the killed app's may, or that of an attempt that was given up: the network held it back. On another worker than
    the present one's it is let in for a moment; on the same one it is refused."""
    with shop.serve(workers=workers):
        phone = Phone(shop)
        present, refused = await phone.hello(100), 0
        for attempt in range(60, 90):
            late = await Link("late", "json").open(shop.server.url)
            try:
                await late.request("hello", token=phone.token, device=phone.id, attempt=attempt)
            except Refused as error:
                assert (error.code, error.path) == ("replaced", "data.attempt")
                refused += 1
            except Gone:
                pass
            assert await ended(late) == 4503
        assert refused == 30 if workers == 1 else refused
        await is_there(present)
        await present.close()


async def test_another_device_or_person_is_let_be(shop):
    with shop.serve(workers=2):
        phone, other = Phone(shop), Phone(shop)
        bobs = Phone(shop)
        bobs.id, bobs.token = phone.id, shop.app.token("bob")
        links = [await one.hello(attempt) for one, attempt in ((phone, 9), (other, 1), (bobs, 1))]
        for link in links:
            await is_there(link)
            await link.close()


async def test_who_has_all_the_links_they_may_have_comes_back_on_the_same_device(shop):
    with shop.serve():
        phones = [Phone(shop) for _ in range(LINKS)]
        links = [await phone.hello() for phone in phones]
        with pytest.raises(Refused, match="limit"):
            await Phone(shop).hello()
        links.append(await phones[0].hello())
        assert await ended(links.pop(0)) == 4503
        for link in links:
            await link.close()
