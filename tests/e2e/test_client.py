"""The tests' own client, against a server that says what it is told to: nothing else would show a mistake of it."""
import asyncio
import contextlib
import time
import uuid

import msgpack
import pytest
import websockets

from parley_link import Refused
from parley_people import Customer
from parley_wire import ENCODINGS, Msgpack, uuid7

CONV, ME = str(uuid.UUID(int=7)), str(uuid.UUID(int=8))


def item(seq, prev, text="words"):
    return {"seq": seq, "prev": prev, "id": str(uuid.UUID(int=seq)), "kind": "text", "role": "customer", "author": ME, "at": 0,
            "body": {"text": text}}


def page(head, items, **more):
    return {"conversation": CONV, "topic": "main", "head": head, "items": items, **more}


class Script:
    """A server of one conversation: says welcome, then leaves every request to the test."""

    def __init__(self, encoding):
        self.encoding, self.asked, self.link, self.first = ENCODINGS[encoding], asyncio.Queue(), None, page(0, [])

    async def serve(self, socket):
        self.link = socket
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in socket:
                for frame in self.encoding.unpack(message):
                    if frame["type"] == "hello":
                        self.hello = frame["data"]
                        await self.answer(frame, {"me": ME, "role": "customer", "time": 0, "ping_ms": 25000, "server": "script",
                                                  "limits": {}, "threads": [self.first]})
                    else:
                        self.asked.put_nowait(frame)

    async def say(self, frame):
        await self.link.send(self.encoding.pack([frame]))

    async def answer(self, to, data):
        await self.say({"re": to["id"], "data": data})

    async def refuse(self, to, code, **more):
        await self.say({"re": to["id"], "error": {"code": code, "text": "because", **more}})

    async def push(self, type, **data):
        await self.say({"type": type, "data": data})

    async def next(self):
        return await asyncio.wait_for(self.asked.get(), 20)


@contextlib.asynccontextmanager
async def talk(encoding="json"):
    script = Script(encoding)
    async with websockets.serve(script.serve, "127.0.0.1", 0, subprotocols=[script.encoding.subprotocol]) as server:
        port = server.sockets[0].getsockname()[1]
        client = Customer("ann", f"ws://127.0.0.1:{port}", "token", encoding=encoding)
        await client.connect()
        yield script, client
        await client.close()


async def test_ids_are_bytes_in_messagepack_and_text_inside_bodies():
    body = {"blob": str(uuid.UUID(int=9))}
    raw = Msgpack.pack([{"id": 1, "type": "post", "data": {"conversation": CONV, "id": ME, "kind": "media", "body": body}}])
    data = msgpack.unpackb(raw, raw=False)["data"]
    assert data["conversation"] == uuid.UUID(CONV).bytes and data["body"] == body


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_a_hole_is_filled_by_range(encoding):
    async with talk(encoding) as (script, ann):
        await script.push("item", conversation=CONV, item=item(1, 0))
        await script.push("item", conversation=CONV, item=item(5, 3))
        asked = await script.next()
        assert (asked["type"], asked["data"]["after"]) == ("range", 1)
        await script.answer(asked, {"thread": page(5, [item(3, 1), item(5, 3)])})
        await ann.until(lambda: ann.threads[CONV].complete)
        assert [i["seq"] for i in ann.items()] == [1, 3, 5] and ann.threads[CONV].last == 5


async def test_a_beacon_shows_what_never_came():
    async with talk() as (script, ann):
        await script.push("head", heads=[{"conversation": CONV, "seq": 2}])
        asked = await script.next()
        await script.answer(asked, {"thread": page(2, [item(1, 0), item(2, 1)])})
        await ann.until(lambda: ann.threads[CONV].last == 2)


async def test_hello_says_only_what_is_held_without_a_hole():
    async with talk() as (script, ann):
        await script.push("item", conversation=CONV, item=item(1, 0))
        await script.push("item", conversation=CONV, item=item(9, 8))
        await script.next()
        script.first = page(9, [item(8, 7), item(9, 8)], gap={"from": 2, "to": 7})
        await ann.reconnect()
        assert script.hello["have"] == [{"conversation": CONV, "seq": 1}]
        asked = await script.next()
        assert asked["data"]["after"] == 1
        await script.answer(asked, {"thread": page(9, [item(4, 1), item(7, 4)])})
        await ann.until(lambda: ann.threads[CONV].last == 9)


async def test_what_was_not_answered_is_sent_again_in_order_with_the_same_ids():
    async with talk() as (script, ann):
        entries = [ann.post(f"message {n}") for n in range(3)]
        first = [await script.next() for _ in range(3)]
        await script.answer(first[0], {"seq": 1, "at": 0})
        await entries[0]
        await ann.reconnect()
        again = [await script.next() for _ in range(2)]
        assert [f["data"]["id"] for f in again] == [f["data"]["id"] for f in first[1:]]
        for n, frame in enumerate(again):
            await script.answer(frame, {"seq": n + 2, "at": 0, "duplicate": n == 0})
        assert [(await e)["seq"] for e in entries] == [1, 2, 3]


async def test_a_refusal_that_says_again_holds_what_is_behind_it():
    async with talk() as (script, ann):
        entries = [ann.post(f"message {n}") for n in range(3)]
        asked = [await script.next() for _ in range(3)]
        for frame in asked:
            await script.refuse(frame, "unavailable", retry_after_ms=20)
        for n, frame in enumerate(asked):
            again = await script.next()     # the first alone; the others once it is answered
            assert again["data"]["id"] == frame["data"]["id"]
            await script.answer(again, {"seq": n + 1, "at": 0})
        assert [(await e)["seq"] for e in entries] == [1, 2, 3]


async def test_a_refusal_for_good_is_raised_and_the_rest_goes_on():
    async with talk() as (script, ann):
        bad, good = ann.post("bad"), ann.post("good")
        await script.refuse(await script.next(), "too_big", path="data.body.text")
        await script.answer(await script.next(), {"seq": 1, "at": 0})
        with pytest.raises(Refused, match="too_big.*data.body.text"):
            await bad
        assert (await good)["seq"] == 1 and not ann.outbox


def test_ids_of_version_7_grow():
    ids = [uuid7() for _ in range(1000)]
    assert ids == sorted(ids) and len(set(ids)) == 1000 and all(uuid.UUID(i).version == 7 for i in ids)


async def test_what_waits_while_its_link_ends_is_sent_on_the_next(shop):
    with shop.serve():
        ann = await shop.customer("ann")
        ann.held_until = time.monotonic() + 0.2     # as after a refusal that says `again`
        entry = ann.post("hello")
        await ann.drop()
        await ann.sender
        await ann.connect()
        await entry
