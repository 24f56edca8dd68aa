"""Once: one (conversation, author, id) is one item for ever, whoever asks how often from where."""
import asyncio
import uuid

import pytest

from parley_link import Refused
from parley_wire import uuid7


def message(client, id, text):
    return {"conversation": client.main, "id": id, "kind": "text", "body": {"text": text}}


async def test_a_repeat_gets_the_first_answer(shop):
    with shop.serve() as server:
        ann, id = await shop.customer("ann"), uuid7()
        first = await ann.post("once", id=id)
        for _ in range(3):
            again = await ann.request("post", **message(ann, id, "once"))
            assert again == {**first, "duplicate": True}
        server.kill()
        await ann.closed()
        server.start()
        await ann.connect()
        assert await ann.request("post", **message(ann, id, "once")) == {**first, "duplicate": True}
        assert ann.texts().count("once") == 1
        await shop.quiet()
    shop.judge()


async def test_the_same_id_with_another_body_is_a_conflict(shop):
    with shop.serve() as server:
        ann, id = await shop.customer("ann"), uuid7()
        await ann.post("once", id=id)
        for _ in range(2):
            with pytest.raises(Refused, match="conflict"):
                await ann.request("post", **message(ann, id, "twice"))
            server.kill()
            await ann.closed()
            server.start()
            await ann.connect()
        assert ann.texts() == ["once"]
        await shop.quiet()
    shop.judge()


async def test_key_order_and_encoding_make_no_other_body(shop):
    with shop.serve():
        ann, id = await shop.customer("ann"), uuid7()
        tablet = await shop.customer("ann.tablet", encoding="msgpack")
        body = {"type": "cart", "fallback": "a cart", "data": {"b": 1, "aa": [1, 2.5, None, True], "é": "ü"}}
        first = await ann.request("post", conversation=ann.main, id=id, kind="custom", body=body)
        turned = {"data": dict(reversed(body["data"].items())), "fallback": "a cart", "type": "cart"}
        assert await tablet.request("post", conversation=ann.main, id=id, kind="custom", body=turned) == {**first, "duplicate": True}
        await shop.close()


async def test_at_once_from_several_devices_on_several_workers(shop, size):
    rounds = size(20, 300)
    with shop.serve(workers=2):
        phones = [await shop.customer(f"ann.{n}", encoding=("json", "msgpack")[n % 2]) for n in range(4)]
        for n in range(rounds):
            id = uuid7()
            answers = await asyncio.gather(*(p.request("post", **message(p, id, f"round {n}")) for p in phones))
            assert len({a["seq"] for a in answers}) == 1
            assert sorted(bool(a.get("duplicate")) for a in answers) == [False, True, True, True]
        await phones[0].until(lambda: len(phones[0].texts()) == rounds)
        await shop.close()
        assert shop.site.sql("SELECT count(*) FROM item WHERE kind = 1") == [(rounds,)]


async def test_authors_do_not_share_ids(shop):
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv, id = await shop.served(ann, kim), uuid7()
        mine = await ann.post("mine", id=id)
        yours = await kim.post("yours", conv, id=id, epoch=kim.threads[conv].epoch)
        assert mine["seq"] < yours["seq"] and not yours.get("duplicate")
        await shop.quiet()
    shop.judge()


@pytest.mark.parametrize("id", ["73daf9db-4b63-491c-879d-5623036c8dfa", str(uuid.UUID(int=0)), "not-a-uuid", 7])
async def test_other_ids_are_refused(shop, id):
    with shop.serve():
        ann = await shop.customer("ann")
        with pytest.raises(Refused) as refused:
            await ann.request("post", **message(ann, id, "hello"))
        assert refused.value.code in ("bad_id", "invalid") and refused.value.path == "data.id"
        await ann.post("and on it goes")
        await shop.close()


async def test_a_process_starts_and_steps_once(shop):
    with shop.serve():
        ann, process, step = await shop.customer("ann"), uuid7(), uuid7()
        await ann.post("hello")
        started = [await ann.process_start("order", process=process, data={"n": 1}) for _ in range(2)]
        assert started[0] == started[1]
        stepped = [await ann.process_step(started[0], id=step, data={"n": 2}) for _ in range(2)]
        assert stepped[0]["revision"] == 2 and stepped[0]["data"] == stepped[1]["data"] == {"n": 2}
        await ann.until(lambda: ann.kinds().count("process") == 2)
        await shop.quiet()
    shop.judge()


async def test_a_repeat_that_nobody_remembers_slows_nobody(shop):
    """It collides by its id, which says nothing about other writers: what comes after it takes the short way again."""
    def settled():
        return shop.server.metrics()["parley_settled_total"]

    with shop.serve():
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        await bob.post("hello")
        ids = [uuid7() for _ in range(40)]      # more than are remembered
        first = [await ann.post(f"message {n}", id=id) for n, id in enumerate(ids)][0]
        before = await asyncio.to_thread(settled)
        assert await ann.request("post", **message(ann, ids[0], "message 0")) == {**first, "duplicate": True}
        assert await asyncio.to_thread(settled) == before + 1, "not exercised"
        for n in range(5):
            await ann.post(f"and on {n}")
        assert await asyncio.to_thread(settled) == before + 1
        await shop.quiet()
    shop.judge()
